"""A token that somebody brought back: whether it was issued here, and whether it is still good (RFC 9068 section 4).

Other than a resource server this looks at every key that the issuer ever had, to say why a token is not good.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt

from issuance.discovery.documents import keyring_of
from issuance.signed_jwt import SignedJwt, read_jwt
from issuers.models import CLOCK_SKEW, Issuer
from keys.jwk import public_key
from keys.keyring import KeySnapshot
from keys.schedule import KeyState, state_of


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """`key` is the issuer's key of its kid. What is not signed by it may hold any claims."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    issuer: Issuer | None
    key: KeySnapshot | None
    is_signed: bool
    problems: tuple[str, ...]
    """Why it is not good now, in words; empty if it is."""

    def text(self, claim: str) -> str:
        """A claim that is a text, empty if it is none."""
        value = self.claims.get(claim)
        return value if isinstance(value, str) else ""


def examined(text: str, *, now: datetime) -> IssuedToken:
    """Raises JwtRefusedError for what is not a JWT."""
    token = read_jwt(text)
    issuer = next((issuer for issuer in Issuer.objects.all() if issuer.url == token.claims.get("iss")), None)
    key = _key_of(token, issuer)
    foreign = _why_not_ours(token, issuer, key)
    problems = (foreign,) if foreign else (*_problems_of_key(key, now), *_problems_of_time(token, now))
    return IssuedToken(
        header=token.header,
        claims=token.claims,
        issuer=issuer,
        key=key,
        is_signed=not foreign,
        problems=problems,
    )


def _key_of(token: SignedJwt, issuer: Issuer | None) -> KeySnapshot | None:
    if issuer is None:
        return None
    return next((key for key in keyring_of(issuer.pk).keys if key.kid == token.kid), None)


def _why_not_ours(token: SignedJwt, issuer: Issuer | None, key: KeySnapshot | None) -> str:
    """Empty if the key signed it."""
    if issuer is None:
        return "It is not ours: its iss is not an issuer of this server."
    if key is None:
        return "It is not ours: its kid was never that of a key of the issuer."
    if token.alg != key.alg:
        return f"It is not ours: its alg is {token.alg}, and the key of its kid signs with {key.alg} alone."
    algorithm = jwt.get_algorithm_by_name(key.alg)
    if not algorithm.verify(token.signing_input, public_key(key.jwk), token.signature):
        return "Its signature is not by the key of its kid: it was changed on its way, or made up."
    return ""


def _problems_of_key(key: KeySnapshot | None, now: datetime) -> tuple[str, ...]:
    state = state_of(key, now) if key else None
    if key and state == KeyState.REVOKED:
        return (f"The key that signed it was revoked at {_in_words(key.revoked_at)}: no one may trust it.",)
    if key and state == KeyState.EXPIRED:
        return (f"The key that signed it left the JWKS at {_in_words(key.expires_at)}.",)
    return ()


def _problems_of_time(token: SignedJwt, now: datetime) -> tuple[str, ...]:
    """Raises JwtRefusedError for instants that are none."""
    exp, early = token.instant("exp"), now.timestamp() + CLOCK_SKEW.total_seconds()
    problems = []
    if exp is None:
        problems.append("It has no exp.")
    elif exp <= now.timestamp():
        problems.append(f"It expired at {_in_words(datetime.fromtimestamp(exp, tz=UTC))}.")
    for claim in ("iat", "nbf"):
        instant = token.instant(claim)
        if instant is not None and instant > early:
            problems.append(f"Its {claim} is ahead of this server's clock.")
    return tuple(problems)


def _in_words(instant: datetime | None) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC" if instant else "an unknown time"
