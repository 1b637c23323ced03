"""A JWT that came from outside: read strictly, and not believed until its signature is checked (RFC 7515, RFC 8725).

A reader of its own: libraries take padding, members that stand twice and numbers that are none, and read as one thing
what its signer may have meant as another.
"""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import jwt

from formats.strict_json import StrictDecoder
from formats.text import surrogate_problem
from formats.thumbprints import base64url
from issuers.assertion_algs import ASSERTION_ALGS
from issuers.models import CLOCK_SKEW
from relying_parties.jwks.client_keys import VerificationKey

MAX_JWT_LENGTH = 16_384
LAST_INSTANT = 253_402_300_799
"""The last second of the year 9999. What counts milliseconds lies beyond it."""
SEGMENT = re.compile(r"[A-Za-z0-9_-]*\Z")
NOT_UNDERSTOOD = ("crit", "b64", "zip", "enc")
"""Header parameters that change how a JWT is read: who does not know them refuses it (RFC 7515 section 4.1.11)."""


class JwtRefusedError(Exception):
    """The JWT proves nothing; the text says why, to the operator alone."""


@dataclass(frozen=True, slots=True)
class SignedJwt:
    """A JWS in compact serialization, well-formed, not verified."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signing_input: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @property
    def alg(self) -> str:
        alg: str = self.header["alg"]
        return alg

    @property
    def kid(self) -> str | None:
        return self.header.get("kid")

    def text(self, claim: str) -> str:
        """The value of a claim that must be a text with something in it. Raises JwtRefusedError."""
        value = self.claims.get(claim)
        if not isinstance(value, str) or not value:
            raise JwtRefusedError(f"Its {claim} is {'no text' if claim in self.claims else 'missing'}.")
        if problem := surrogate_problem(value, of=f"Its {claim}"):
            raise JwtRefusedError(problem)
        return value

    def instant(self, claim: str) -> float | None:
        """A NumericDate (RFC 7519 section 2), None if it is not there. Raises JwtRefusedError."""
        value = self.claims.get(claim)
        if claim in self.claims and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise JwtRefusedError(f"Its {claim} is not a number of seconds.")
        if value is not None and abs(value) > LAST_INSTANT:
            raise JwtRefusedError(f"Its {claim} is beyond the calendar: it counts seconds since 1970.")
        return value


def read_jwt(text: str) -> SignedJwt:
    """Raises JwtRefusedError."""
    if len(text) > MAX_JWT_LENGTH:
        raise JwtRefusedError(f"It has more than {MAX_JWT_LENGTH} characters.")
    segments = text.split(".")
    if len(segments) != 3:  # noqa: PLR2004 - header, claims, signature
        raise JwtRefusedError("It is not a JWS in compact serialization: three parts separated by dots.")
    header, claims, signature = map(_decoded, segments)
    jwt_header = _object(header, of="header")
    _refuse_header(jwt_header)
    return SignedJwt(
        header=jwt_header,
        claims=_object(claims, of="claims"),
        signing_input=f"{segments[0]}.{segments[1]}".encode(),
        signature=signature,
    )


def verified_by(token: SignedJwt, keys: Iterable[VerificationKey], *, now: datetime) -> VerificationKey:
    """The key of these that signed it. Raises JwtRefusedError."""
    candidates = _candidates(token, tuple(keys))
    live = [key for key in candidates if key.is_live(now)]
    if candidates and not live:
        raise JwtRefusedError(f"The key {candidates[0].kid} has ended: register a new one.")
    allowing = [key for key in live if token.alg in key.algs]
    if live and not allowing:
        raise JwtRefusedError(f"Its alg is {token.alg}, which the key {live[0].kid} does not allow.")
    for key in allowing:
        if is_signed_by(token, key):
            return key
    raise JwtRefusedError(
        "Its signature is not by the key." if allowing else "No registered key has this kid."
    )


def is_named_or_signed_by(token: SignedJwt, key: VerificationKey) -> bool:
    """Whether the key has the token's `kid` or, where the token has none, signed it."""
    if token.kid is not None:
        return key.kid == token.kid
    return token.alg in key.algs and is_signed_by(token, key)


def is_signed_by(token: SignedJwt, key: VerificationKey) -> bool:
    # PyJWT knows Ed25519 (RFC 9864) by the older name alone.
    algorithm = jwt.get_algorithm_by_name("EdDSA" if token.alg == "Ed25519" else token.alg)
    return algorithm.verify(token.signing_input, key.key, token.signature)


def refuse_other_kind(token: SignedJwt, *, typ: frozenset[str]) -> None:
    """The `typ` must be one of these, in small letters, or may be missing if the empty one is. Raises JwtRefusedError.

    RFC 8725 section 3.11; RFC 7515 section 4.1.9: `application/` may stand before it.
    """
    if "typ" not in token.header and "" in typ:
        return
    found = token.header.get("typ")
    kind = found.lower().removeprefix("application/") if isinstance(found, str) else ""
    if not kind or kind not in typ:
        raise JwtRefusedError("Its typ is missing or that of another kind of token.")


def refuse_other_alg(token: SignedJwt, *, accepted: tuple[str, ...]) -> None:
    """Raises JwtRefusedError."""
    if token.alg not in accepted:
        raise JwtRefusedError(f"Its alg is {token.alg}; this issuer accepts {', '.join(accepted) or 'none'}.")


def refuse_outside_time(token: SignedJwt, *, longest: float, now: datetime) -> float:
    """Its `exp`: ahead, by at most `longest` seconds; `iat` and `nbf` not ahead. Raises JwtRefusedError."""
    clock, skew = now.timestamp(), CLOCK_SKEW.total_seconds()
    exp = token.instant("exp")
    if exp is None:
        raise JwtRefusedError("Its exp is missing.")
    if exp <= clock:
        raise JwtRefusedError(f"It ended {clock - exp:.0f} seconds ago.")
    if exp > clock + longest + skew:
        raise JwtRefusedError(f"It ends in more than {longest:.0f} seconds: make it shorter.")
    for claim in ("iat", "nbf"):
        instant = token.instant(claim)
        if instant is not None and instant > clock + skew:
            raise JwtRefusedError(f"Its {claim} is ahead of this server's clock: set the client's clock.")
    return exp


def refuse_other_audience(token: SignedJwt, *, allowed: Iterable[str]) -> None:
    """One of the allowed values must be its sole audience. Raises JwtRefusedError."""
    audience = token.claims.get("aud")
    sole = audience[0] if isinstance(audience, list) and len(audience) == 1 else audience
    if not isinstance(sole, str) or sole not in allowed:
        raise JwtRefusedError(f"Its aud must be {' or '.join(allowed)} and nothing else.")


def _decoded(segment: str) -> bytes:
    """Base64url without padding, as there is one way to write it (RFC 7515 section 2). Raises JwtRefusedError."""
    if SEGMENT.match(segment) and len(segment) % 4 != 1:
        decoded = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
        if base64url(decoded) == segment:
            return decoded
    raise JwtRefusedError("A part of it is not base64url without padding.")


def _object(encoded: bytes, *, of: str) -> dict[str, Any]:
    try:
        members = json.loads(encoded.decode(), cls=StrictDecoder)
    except (ValueError, RecursionError) as error:
        raise JwtRefusedError(
            f"Its {of} is not valid JSON (syntax, duplicate member, or NaN/Infinity)."
        ) from error
    if not isinstance(members, dict):
        raise JwtRefusedError(f"Its {of} is not a JSON object.")
    return members


def _refuse_header(header: Mapping[str, Any]) -> None:
    if found := [name for name in NOT_UNDERSTOOD if name in header]:
        raise JwtRefusedError(f"Its header has {', '.join(found)}, which is not understood here.")
    if header.get("alg") not in ASSERTION_ALGS:
        raise JwtRefusedError(f"Its alg is not one of {', '.join(ASSERTION_ALGS)}.")
    if not isinstance(header.get("kid", ""), str):
        raise JwtRefusedError("Its kid is not text.")


def _candidates(token: SignedJwt, keys: tuple[VerificationKey, ...]) -> list[VerificationKey]:
    """The key of its `kid`; without one those of its certificate's name, else all of a fitting type."""
    if token.kid is not None:
        return [key for key in keys if key.kid == token.kid]
    x5t, x5t_s256 = token.header.get("x5t"), token.header.get("x5t#S256")
    named = [key for key in keys if (x5t and key.x5t == x5t) or (x5t_s256 and key.x5t_s256 == x5t_s256)]
    return named or [key for key in keys if token.alg in key.algs]
