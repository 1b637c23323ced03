"""What must be registered of a relying party so that its authentication method can prove it (RFC 7591 section 2)."""

from collections.abc import Callable
from dataclasses import dataclass

from issuers.auth_methods import TokenEndpointAuthMethod, for_each_method
from issuers.expiry import Kind
from relying_parties.certificates.subjects import SUBJECT_FIELDS, subject_problem
from relying_parties.jwks.client_keys import client_jwks_problem, registered_keys
from relying_parties.validation.registrant import Registrant
from runtime.outbound.remote_url import url_problem

CERTIFICATE_SUBJECTS = tuple(SUBJECT_FIELDS)
"""Of these a client of tls_client_auth has one (RFC 8705 section 2.1.2)."""


def registration_problems(relying_party: Registrant) -> dict[str, str]:
    """What is missing or wrong, by field; empty if the method can prove the client."""
    problems = _key_problems(relying_party) | _subject_problems(relying_party)
    registration = REGISTRATIONS[relying_party.token_endpoint_auth_method]
    return problems or registration.what_is_missing(relying_party)


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


def _needs_nothing(_relying_party: Registrant) -> dict[str, str]:
    """What proves the client has rows of its own, which come later."""
    return {}


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


@dataclass(frozen=True, slots=True)
class Registration:
    """What a method needs in the row of its client."""

    what_is_missing: Callable[[Registrant], dict[str, str]]
    """By field."""
    keys: Kind | None = None
    """As what the keys of its JWK Set prove it, None where the method does not look at them."""


REGISTRATIONS = for_each_method(
    {
        TokenEndpointAuthMethod.CLIENT_SECRET_BASIC: Registration(_needs_nothing),
        TokenEndpointAuthMethod.CLIENT_SECRET_POST: Registration(_needs_nothing),
        TokenEndpointAuthMethod.PRIVATE_KEY_JWT: Registration(_needs_keys, keys=Kind.CLIENT_KEY),
        TokenEndpointAuthMethod.FEDERATED_JWT: Registration(_needs_nothing),
        TokenEndpointAuthMethod.TLS_CLIENT_AUTH: Registration(_needs_subject),
        TokenEndpointAuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH: Registration(
            _needs_certificates, keys=Kind.CLIENT_CERTIFICATE
        ),
    }
)
KINDS_OF_KEYS = {method: needed.keys for method, needed in REGISTRATIONS.items() if needed.keys}
"""Of the methods that the client's own keys prove."""
