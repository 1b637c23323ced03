"""Whether anything could prove a client now: a secret, a key, a certificate or a workload that still counts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from formats.certificates import read_certificate
from issuance.client_auth.client_secret import why_no_secret_counts
from issuers.auth_methods import TokenEndpointAuthMethod, for_each_method
from issuers.client_authorities import client_authorities
from issuers.directory import IssuerSnapshot
from relying_parties.certificates.client_certificates import why_not_in_time
from relying_parties.client import Client
from relying_parties.federation.credential import Trusted
from relying_parties.jwks.client_keys import VerificationKey
from relying_parties.models import KeysFrom


@dataclass(frozen=True, slots=True)
class CredentialProblem:
    """`has_ended`: there was one, and it is over. `reason` is a clause, `advice` a sentence."""

    reason: str
    advice: str
    has_ended: bool = False


def credential_problem(client: Client, *, issuer: IssuerSnapshot, now: datetime) -> CredentialProblem | None:
    """None where a request can prove the client, as far as this server knows without fetching anything."""
    ask = _PROBLEMS.get(client.token_endpoint_auth_method)
    return ask(client, issuer, now) if ask else None


def _secret_problem(client: Client, _issuer: IssuerSnapshot, now: datetime) -> CredentialProblem | None:
    why = why_no_secret_counts(client, now)
    if not why:
        return None
    reason, _, advice = why.partition(": ")
    if not client.secrets and client.revoked_secrets:
        return CredentialProblem("each of its secrets was revoked", "Generate a new one.", has_ended=True)
    if not client.secrets:
        return CredentialProblem("it has no secret", "Generate one.")
    return CredentialProblem(_lower(reason), _upper(advice), has_ended=True)


def _key_problem(client: Client, issuer: IssuerSnapshot, now: datetime) -> CredentialProblem | None:
    if client.jwks_uri and issuer.assertion_algs:
        return None
    if not client.keys and not client.jwks_uri:
        return CredentialProblem(
            "it has no key that can be used", "Register its public key in its client JWKS."
        )
    if not any(_has_accepted_alg(key, issuer) for key in client.keys):
        return CredentialProblem(
            f"its keys sign with no algorithm that the issuer {issuer.name} accepts",
            "Register a key of an accepted algorithm, or let the issuer accept the algorithm of this one.",
            has_ended=True,
        )
    if any(key.is_live(now) and _has_accepted_alg(key, issuer) for key in client.keys):
        return None
    return CredentialProblem(
        "each of its keys has ended", "Register the next key in its client JWKS.", has_ended=True
    )


def _has_accepted_alg(key: VerificationKey, issuer: IssuerSnapshot) -> bool:
    return any(alg in issuer.assertion_algs for alg in key.algs)


def _certificate_problem(client: Client, _issuer: IssuerSnapshot, now: datetime) -> CredentialProblem | None:
    keys = [key for key in client.keys if key.certificates]
    if client.jwks_uri or any(_is_certificate_in_time(key, now) for key in keys):
        return None
    if not keys:
        return CredentialProblem(
            "it has no certificate that can be used", "Register its certificate in its client JWKS."
        )
    return CredentialProblem(
        "none of its certificates is valid now",
        "Register the next certificate in its client JWKS.",
        has_ended=True,
    )


def _is_certificate_in_time(key: VerificationKey, now: datetime) -> bool:
    return key.is_live(now) and not why_not_in_time(read_certificate(key.certificates[0]), now)


def _authority_problem(_client: Client, issuer: IssuerSnapshot, now: datetime) -> CredentialProblem | None:
    authorities = client_authorities(issuer.client_ca_certificates)
    if any(not why_not_in_time(authority, now) for authority in authorities):
        return None
    if not authorities:
        return CredentialProblem(
            f"its issuer {issuer.name} has no client CA certificate",
            "Add those of the authority at the issuer.",
        )
    return CredentialProblem(
        f"none of the client CA certificates of its issuer {issuer.name} is valid now",
        "Add the authority's next certificate at the issuer.",
        has_ended=True,
    )


def _workload_problem(client: Client, issuer: IssuerSnapshot, now: datetime) -> CredentialProblem | None:
    if not client.federated:
        return CredentialProblem(
            "it has no federated credential that can be used", "Add one for the workload's platform."
        )
    trusted = [credential.trusted for credential in client.federated]
    active = [one for one in trusted if one.is_active]
    if not active:
        names = ", ".join(sorted({one.name for one in trusted}))
        return CredentialProblem(
            f"the trusted issuer {names} is disabled", "Set the trusted issuer active.", has_ended=True
        )
    if any(_may_have_signed(one, issuer, now) for one in active):
        return None
    return CredentialProblem(
        "no key of its trusted issuer can be used now",
        "Paste the trusted issuer's present keys.",
        has_ended=True,
    )


def _may_have_signed(trusted: Trusted, issuer: IssuerSnapshot, now: datetime) -> bool:
    if trusted.keys_from != KeysFrom.JWKS:
        return bool(issuer.assertion_algs)
    return any(key.is_live(now) and _has_accepted_alg(key, issuer) for key in trusted.keys)


Problem = Callable[[Client, IssuerSnapshot, datetime], CredentialProblem | None]
_PROBLEMS: Mapping[str, Problem] = for_each_method(
    {
        TokenEndpointAuthMethod.CLIENT_SECRET_BASIC: _secret_problem,
        TokenEndpointAuthMethod.CLIENT_SECRET_POST: _secret_problem,
        TokenEndpointAuthMethod.PRIVATE_KEY_JWT: _key_problem,
        TokenEndpointAuthMethod.FEDERATED_JWT: _workload_problem,
        TokenEndpointAuthMethod.TLS_CLIENT_AUTH: _authority_problem,
        TokenEndpointAuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH: _certificate_problem,
    }
)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
