"""Relying parties that prove themselves by a certificate, which a trusted proxy passes on (RFC 9440)."""

import base64
import hashlib
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from audit.models import Outcome
from issuers.models import TokenEndpointAuthMethod
from relying_parties.models import RelyingParty
from tests.support.assertions import switch_on
from tests.support.authority import Authority, Issued
from tests.support.cast import Cast, new_grant
from tests.support.certificate_headers import encoded
from tests.support.certificates import in_x5c
from tests.support.wire import Answer, ask, assert_refused, events

PROXY = "192.0.2.7"
PROXIES = [ip_network(PROXY)]
TLS_CLIENT_AUTH = TokenEndpointAuthMethod.TLS_CLIENT_AUTH
SELF_SIGNED = TokenEndpointAuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH
DN = r"CN=billing,OU=Money,O=Acme\, Inc.,C=SE"
"""Of what tests/support/authority.py issues."""
REFUSAL = {"error": "invalid_client", "error_description": "Client authentication failed."}


def new_certified(cast: Cast, *authorities: Authority, **subject: str) -> RelyingParty:
    """A relying party of tls_client_auth at an issuer with these authorities; its name is DN if not said otherwise."""
    cast.oidc_m2m.client_ca_certificates = "".join(authority.own.pem for authority in authorities)
    return _new(cast, TLS_CLIENT_AUTH, "certified", subject or {"tls_client_auth_subject_dn": DN})


def new_loner(cast: Cast, *certificates: Issued) -> RelyingParty:
    """A relying party of self_signed_tls_client_auth with these certificates."""
    return _new(cast, SELF_SIGNED, "loner", {"client_jwks": jwks_of(*certificates)})


def jwks_of(*certificates: Issued) -> dict[str, Any]:
    keys = [
        in_x5c({**issued.jwk, "kid": str(number)}, issued.der) for number, issued in enumerate(certificates)
    ]
    return {"keys": keys}


def _new(
    cast: Cast, method: TokenEndpointAuthMethod, client_id: str, columns: Mapping[str, Any]
) -> RelyingParty:
    switch_on(cast.oidc_m2m, method)
    relying_party = RelyingParty(
        issuer=cast.oidc_m2m,
        client_id=client_id,
        name=client_id.title(),
        token_endpoint_auth_method=method,
        **columns,
    )
    relying_party.checked().save()
    new_grant(relying_party, cast.invoices, ["invoices.read"], is_default=True)
    return relying_party


def passed_on(issued: Issued, *chain: Issued) -> list[tuple[str, str]]:
    """The headers of RFC 9440."""
    sent = [("Client-Cert", f":{encoded(issued)}:")]
    return (
        [*sent, ("Client-Cert-Chain", ", ".join(f":{encoded(each)}:" for each in chain))] if chain else sent
    )


def ask_with(issued: Issued | None, *chain: Issued, client_id: str = "certified", **options: Any) -> Answer:
    """A token request over a connection with this certificate, or without one."""
    named = {"client_id": client_id} if client_id else {}
    headers = [*options.pop("headers", []), *(passed_on(issued, *chain) if issued else [])]
    return ask(named | options.pop("parameters", {}), headers=headers, peer=PROXY, **options)


def thumbprint(issued: Issued) -> str:
    """RFC 8705 section 3.1."""
    return base64.urlsafe_b64encode(hashlib.sha256(issued.der).digest()).decode().rstrip("=")


def assert_proven(answer: Answer, relying_party: RelyingParty, issued: Issued) -> None:
    """A token that is bound to the certificate, and the one row that tells so."""
    name = thumbprint(issued)
    assert (answer.status, answer.json["token_type"]) == (200, "Bearer")
    assert answer.json.keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert answer.claims["client_id"] == relying_party.client_id
    assert answer.claims["cnf"] == {"x5t#S256": name}
    event = events()[-1]
    assert (event.outcome, event.auth_method) == (Outcome.ISSUED, relying_party.token_endpoint_auth_method)
    assert event.credential == f"certificate:{relying_party.pk}:{name}"
    assert event.confirmation == f"x5t#S256:{name}"


def assert_refused_for(answer: Answer, reason: str) -> None:
    """The one answer for every fault, and its reason in the record."""
    event = assert_refused(answer, 401, "invalid_client")
    assert answer.json == REFUSAL
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="m2m-idp"'
    assert event.detail == reason
    assert (event.credential, event.confirmation, event.jti) == ("", None, "")
