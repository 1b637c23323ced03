"""The members of the discovery document that are computed (OpenID Connect Discovery 1.0, RFC 8414)."""

from typing import Any

from formats.json_value import json_problem

COMPUTED_MEMBERS = frozenset({
    "issuer",
    "token_endpoint",
    "jwks_uri",
    "scopes_supported",
    "grant_types_supported",
    "response_types_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
    "token_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg_values_supported",
    "claims_supported",
    "tls_client_certificate_bound_access_tokens",
    "dpop_signing_alg_values_supported",
})  # fmt: skip
"""An issuer's extra metadata cannot override these."""


def extra_metadata_problem(members: Any) -> str | None:
    """What is wrong with further members of the discovery document, None if nothing is."""
    if not isinstance(members, dict):
        return 'A JSON object, such as {"service_documentation": "https://..."}.'
    if computed := sorted(COMPUTED_MEMBERS & members.keys()):
        return f"Computed from the configuration, cannot be set: {', '.join(computed)}."
    return json_problem(members, longest=16_384)
