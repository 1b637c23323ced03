"""What must be registered of a relying party so that its authentication method can prove it (RFC 7591 section 2)."""

from collections.abc import Callable

from issuers.models import TokenEndpointAuthMethod
from relying_parties.certificates.subjects import SUBJECT_FIELDS, subject_problem
from relying_parties.jwks.client_keys import client_jwks_problem, registered_keys
from relying_parties.validation.registrant import Registrant
from runtime.outbound.remote_url import url_problem

CERTIFICATE_SUBJECTS = tuple(SUBJECT_FIELDS)
"""Of these a client of tls_client_auth has one (RFC 8705 section 2.1.2)."""


def registration_problems(relying_party: Registrant) -> dict[str, str]:
    """What is missing or wrong, by field; empty if the method can prove the client."""
    problems = _key_problems(relying_party) | _subject_problems(relying_party)
    needs = _NEEDS.get(TokenEndpointAuthMethod(relying_party.token_endpoint_auth_method))
    return problems or (needs(relying_party) if needs else {})


def _key_problems(relying_party: Registrant) -> dict[str, str]:
    uri = relying_party.client_jwks_uri
    if uri and (problem := url_problem(uri)):
        return {"client_jwks_uri": problem}
    jwks = relying_party.client_jwks
    if jwks is not None and (problem := client_jwks_problem(jwks)):
        return {"client_jwks": problem}
    if uri and jwks is not None:
        return {"client_jwks_uri": "Its keys are registered or fetched, not both: empty this, or the JWKS."}
    return {}


def _subject_problems(relying_party: Registrant) -> dict[str, str]:
    given = {name: getattr(relying_party, name) for name in CERTIFICATE_SUBJECTS}
    problems = {name: subject_problem(name, text) for name, text in given.items() if text}
    return {name: problem for name, problem in problems.items() if problem}


def _needs_keys(relying_party: Registrant) -> dict[str, str]:
    if relying_party.client_jwks or relying_party.client_jwks_uri:
        return {}
    return {
        "client_jwks": "private_key_jwt needs its public keys: a JWK Set here, or the URI where they are."
    }


def _needs_certificates(relying_party: Registrant) -> dict[str, str]:
    if relying_party.client_jwks_uri:
        return {}
    if any(key.certificates for key in registered_keys(relying_party.client_jwks)):
        return {}
    return {
        "client_jwks": "self_signed_tls_client_auth needs its certificate: a JWK Set with x5c (RFC 8705 section 2.2)."
    }


def _needs_subject(relying_party: Registrant) -> dict[str, str]:
    given = [name for name in CERTIFICATE_SUBJECTS if getattr(relying_party, name)]
    if len(given) == 1:
        return {}
    problem = "tls_client_auth needs exactly one of subject DN, DNS name, URI, IP address and email address."
    return {given[1] if given else CERTIFICATE_SUBJECTS[0]: problem}


_NEEDS: dict[TokenEndpointAuthMethod, Callable[[Registrant], dict[str, str]]] = {
    TokenEndpointAuthMethod.PRIVATE_KEY_JWT: _needs_keys,
    TokenEndpointAuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH: _needs_certificates,
    TokenEndpointAuthMethod.TLS_CLIENT_AUTH: _needs_subject,
}
