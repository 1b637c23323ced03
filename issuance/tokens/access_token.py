"""What the token says: a pure function of client, request, grant and clock (RFC 9068, RFC 7519)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from issuance.tokens.grants import Granted
from issuance.wire.errors import InvalidRequest, TemporarilyUnavailable
from issuance.wire.token_request import TokenRequest
from issuers.directory import IssuerSnapshot
from keys.keyring import KeySnapshot
from relying_parties.claims.language import MissingValueError, render
from relying_parties.client import Client

FIXED_CLAIMS = ("iss", "sub", "aud", "client_id", "iat", "exp", "jti", "scope")
"""The claims of every token; `scope` is left out when no scope was granted."""


@dataclass(frozen=True, slots=True)
class UnsignedToken:
    header: dict[str, Any]
    claims: dict[str, Any]

    def bound_to(self, confirmation: Mapping[str, str]) -> "UnsignedToken":
        """The token with the claim cnf (RFC 7800 section 3.1), as it is for a confirmation without members."""
        if not confirmation:
            return self
        return UnsignedToken(header=self.header, claims=self.claims | {"cnf": dict(confirmation)})

    @property
    def expires_at(self) -> datetime:
        return datetime.fromtimestamp(self.claims["exp"], tz=UTC)


def token_for(
    *,
    client: Client,
    issuer: IssuerSnapshot,
    request: TokenRequest,
    granted: Granted,
    key: KeySnapshot,
    jti: str,
    now: datetime,
) -> UnsignedToken:
    """Raises InvalidRequest when the template needs a request parameter that was not sent.

    Raises TemporarilyUnavailable for a template that passed the checks by (relying_parties/consistency.py).
    """
    issued_at = int(now.timestamp())
    audience = granted.audience[0] if len(granted.audience) == 1 else list(granted.audience)
    context = _context(client, request, granted, audience)
    templated = _rendered(client.template.claims, context)
    claims: dict[str, Any] = {
        "iss": issuer.url,
        "sub": _subject(templated.pop("sub", client.client_id)),
        "aud": audience,
        "client_id": client.client_id,
        "iat": issued_at - issuer.iat_backdating,
        "exp": issued_at + granted.access_token_ttl,
        "jti": jti,
    }
    if granted.scopes:
        claims["scope"] = granted.scope
    return UnsignedToken(header=_header(client, granted, key, context), claims=templated | claims)


def _subject(subject: object) -> str:
    """RFC 7519 section 4.1.2."""
    if not isinstance(subject, str):
        raise TemporarilyUnavailable("The claim template renders sub as a non-string: change the template.")
    return subject


def _header(client: Client, granted: Granted, key: KeySnapshot, context: Mapping[str, Any]) -> dict[str, Any]:
    """`alg` and `kid` are the key's."""
    header = {"typ": granted.token_typ} | _rendered(client.template.headers, context)
    if (client.template.with_x5t or client.template.with_x5c) and "x5c" not in key.jwk:
        raise TemporarilyUnavailable(
            f"The certificate chain of key {key.kid} cannot be read: attach another."
        )
    if client.template.with_x5t:
        header["x5t"] = key.jwk["x5t"]
    if client.template.with_x5c:
        header["x5c"] = key.jwk["x5c"]
    return header | {"alg": key.alg, "kid": key.kid}


def _context(
    client: Client, request: TokenRequest, granted: Granted, audience: str | list[str]
) -> dict[str, Any]:
    return {
        **client.values,
        "grant.scope": granted.scope,
        "grant.audience": audience,
        **{f"request.param_{name}": request.one(name) or None for name in client.template.parameters},
    }


def _rendered(nodes: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    if not nodes:
        return {}
    try:
        return {name: render(node, context) for name, node in nodes.items()}
    except MissingValueError as missing:
        parameter = missing.reference.removeprefix("request.param_")
        if parameter == missing.reference:
            raise TemporarilyUnavailable(f"The claim template uses {missing}") from missing
        raise InvalidRequest(
            f"The claim template needs the parameter {parameter}.",
            description=f"The parameter {parameter} is missing.",
        ) from missing
