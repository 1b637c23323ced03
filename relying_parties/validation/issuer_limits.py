"""What an issuer allows none of its relying parties: checked when the issuer or a relying party changes."""

from issuers.auth_methods import TokenEndpointAuthMethod
from relying_parties.jwks.client_keys import registered_keys
from relying_parties.validation.registrant import Registrant


def method_problem(relying_party: Registrant) -> str | None:
    method, issuer = relying_party.token_endpoint_auth_method, relying_party.issuer
    if method in issuer.token_endpoint_auth_methods:
        return None
    on = ", ".join(issuer.token_endpoint_auth_methods)
    return f"its method {method} is off at {issuer}, where these are on: {on}."


def dpop_problem(relying_party: Registrant) -> str | None:
    issuer = relying_party.issuer
    if issuer.accepts_dpop or not relying_party.dpop_bound_access_tokens:
        return None
    return f"it requires DPoP, which is off at {issuer}: turn on accepts_dpop there, or require it no longer."


def algs_problem(relying_party: Registrant) -> str | None:
    """Of keys that are registered here; those at a URI are known only when they are fetched."""
    if relying_party.token_endpoint_auth_method != TokenEndpointAuthMethod.PRIVATE_KEY_JWT:
        return None
    keys = registered_keys(relying_party.client_jwks)
    accepted = relying_party.issuer.token_endpoint_auth_signing_alg_values_supported
    if not keys or any(alg in accepted for key in keys for alg in key.algs):
        return None
    return f"its keys can sign with none of the algorithms that {relying_party.issuer} accepts: {', '.join(accepted)}."


def ttl_problem(relying_party: Registrant) -> str | None:
    ttl, greatest = relying_party.access_token_ttl, relying_party.issuer.max_access_token_ttl
    if ttl is None or ttl <= greatest:
        return None
    return f"its TTL of {ttl} seconds is more than the issuer's greatest, {greatest}."


LIMITS = {
    "client_jwks": algs_problem,
    "token_endpoint_auth_method": method_problem,
    "dpop_bound_access_tokens": dpop_problem,
    "access_token_ttl": ttl_problem,
}
"""The problems by field. Each is a sentence that continues after the relying party's name."""


def limit_problems(relying_party: Registrant) -> dict[str, str]:
    """What its issuer does not allow it, by field; empty if everything is allowed."""
    problems = {field: problem_of(relying_party) for field, problem_of in LIMITS.items()}
    return {field: problem for field, problem in problems.items() if problem}
