"""The columns of each sealed table when statements of checkpoints did not name them yet. Never changed."""

from collections.abc import Mapping

FIRST_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "audit_inspection": (
        "act", "actor", "at", "filter", "format", "id", "result", "rows", "source",
    ),
    "audit_issuanceevent": (
        "actor", "alg", "at", "audience", "auth_method", "caller_request_id", "claim_template", "client_id",
        "confirmation", "credential", "detail", "error", "expires_at", "format", "grant_type", "http_status",
        "id", "ip", "is_test", "issuer", "jti", "kid", "outcome", "request_id", "resource_requested", "scope",
        "scope_requested", "subject", "user_agent",
    ),
    "audit_operationalevent": (
        "actor", "address", "at", "detail", "format", "id", "kind", "source", "target",
    ),
    "audit_refusalcount": (
        "at", "error", "format", "id", "issuer", "network", "refused", "written_at",
    ),
    "issuers_historicalglobalvariable": (
        "history_change_reason", "history_date", "history_id", "history_type", "history_user_id", "id",
        "issuer_id", "name", "source", "value",
    ),
    "issuers_historicalissuer": (
        "accepts_dpop", "allow_missing_grant_type", "announce_period", "client_ca_certificates",
        "default_access_token_ttl", "extra_metadata", "history_change_reason", "history_date", "history_id",
        "history_type", "history_user_id", "id", "is_active", "jwks_max_age", "max_access_token_ttl",
        "max_client_secret_age", "metadata_max_age", "name", "old_copies_until", "path", "retire_period",
        "rotation_period", "signing_alg", "source", "token_endpoint_auth_methods",
    ),
    "keys_historicalsigningkey": (
        "activates_at", "alg", "certificate_chain", "expires_at", "history_change_reason", "history_date",
        "history_id", "history_type", "history_user_id", "id", "issuer_id", "kek_id", "kid", "pkcs11_uri",
        "predecessor_id", "public_jwk", "published_at", "purpose", "retires_at", "revoked_at", "source",
    ),
    "relying_parties_historicalaccessgrant": (
        "history_change_reason", "history_date", "history_id", "history_type", "history_user_id", "id",
        "is_default", "relying_party_id", "resource_server_id", "scopes", "source",
    ),
    "relying_parties_historicalclaimtemplate": (
        "claims", "description", "headers", "history_change_reason", "history_date", "history_id",
        "history_type", "history_user_id", "id", "name", "source", "with_x5c", "with_x5t",
    ),
    "relying_parties_historicalclientsecret": (
        "chosen", "created_at", "expires_at", "hint", "history_change_reason", "history_date", "history_id",
        "history_type", "history_user_id", "id", "label", "relying_party_id", "revoked_at", "source",
    ),
    "relying_parties_historicalfederatedcredential": (
        "claims", "history_change_reason", "history_date", "history_id", "history_type", "history_user_id",
        "id", "label", "relying_party_id", "source", "subject", "subject_is_pattern", "trusted_issuer_id",
    ),
    "relying_parties_historicalrelyingparty": (
        "accepts_token_endpoint_audience", "access_token_ttl", "allowed_networks", "authorization_grant_type",
        "claim_template_id", "client_id", "client_jwks", "client_jwks_uri", "client_type", "contact",
        "created", "description", "dpop_bound_access_tokens", "history_change_reason", "history_date",
        "history_id", "history_type", "history_user_id", "id", "is_active", "issuer_id", "name",
        "requests_per_minute", "signing_alg", "source", "tls_client_auth_san_dns",
        "tls_client_auth_san_email", "tls_client_auth_san_ip", "tls_client_auth_san_uri",
        "tls_client_auth_subject_dn", "tls_client_certificate_bound_access_tokens",
        "token_endpoint_auth_method", "trace_until", "updated", "valid_from", "valid_until",
    ),
    "relying_parties_historicalrequestrule": (
        "history_change_reason", "history_date", "history_id", "history_type", "history_user_id", "id",
        "message", "parameter", "regex", "relying_party_id", "source",
    ),
    "relying_parties_historicalresourceserver": (
        "history_change_reason", "history_date", "history_id", "history_type", "history_user_id", "id",
        "identifier", "issuer_id", "name", "scopes", "source",
    ),
    "relying_parties_historicaltrustedissuer": (
        "audience", "history_change_reason", "history_date", "history_id", "history_type", "history_user_id",
        "id", "is_active", "issuer_id", "issuer_url", "jwks", "jwks_uri", "keys_from",
        "max_assertion_lifetime", "name", "source",
    ),
}  # fmt: skip
