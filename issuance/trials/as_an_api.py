"""A token verified as an API does it: by the issuer's public documents alone (RFC 9068 section 4, RFC 8725)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt

from issuance.discovery.documents import discovery_of, keyring_of
from issuance.signed_jwt import SignedJwt, read_jwt
from issuers.directory import IssuerSnapshot
from keys.jwk import public_key
from relying_parties.claims.token_types import TokenType


@dataclass(frozen=True, slots=True)
class Check:
    """One check: `name` is what is checked, `found` is the value that was."""

    name: str
    is_good: bool
    found: str


@dataclass(frozen=True, slots=True)
class Verified:
    """`header` and `claims` prove nothing unless every check is good."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    checks: tuple[Check, ...]

    @property
    def is_good(self) -> bool:
        return all(check.is_good for check in self.checks)


def verified_as_an_api(
    access_token: str, *, issuer: IssuerSnapshot, audience: str, now: datetime
) -> Verified:
    """As the API with the identifier `audience` would. Raises JwtRefusedError for what is not a JWT."""
    token = read_jwt(access_token)
    checks = (*_signature(token, issuer=issuer, now=now), *_claims(token, issuer, audience, now))
    return Verified(header=token.header, claims=token.claims, checks=checks)


def _signature(token: SignedJwt, *, issuer: IssuerSnapshot, now: datetime) -> Iterator[Check]:
    """By the keys of the JWKS document at this moment, as it is served."""
    document = keyring_of(issuer.id).jwks(now)
    jwk = next((jwk for jwk in document["keys"] if jwk["kid"] == token.kid), None)
    address = discovery_of(issuer)["jwks_uri"]
    yield Check("key", jwk is not None, f"{token.kid}, {'in' if jwk else 'not in'} {address}")
    if jwk is not None:
        algorithm = jwt.get_algorithm_by_name(jwk["alg"])
        is_by_key = algorithm.verify(token.signing_input, public_key(jwk), token.signature)
        yield Check("signature", token.alg == jwk["alg"] and is_by_key, f"{token.alg} by this key")


def _claims(token: SignedJwt, issuer: IssuerSnapshot, audience: str, now: datetime) -> Iterator[Check]:
    typ = token.header.get("typ")
    yield Check("typ", typ in TokenType.values, str(typ))
    yield Check("iss", token.claims.get("iss") == issuer.url, str(token.claims.get("iss")))
    named = token.claims.get("aud")
    audiences = named if isinstance(named, list) else [named]
    yield Check("aud", audience in audiences, " ".join(map(str, audiences)))
    exp = token.instant("exp")
    found = f"{datetime.fromtimestamp(exp, tz=UTC):%Y-%m-%d %H:%M:%S} UTC" if exp is not None else "none"
    yield Check("exp", exp is not None and exp > now.timestamp(), found)
