"""A proof that the sender holds a key, to which the token is then bound (RFC 9449)."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from issuance.replay import SingleUse, single_use
from issuance.signed_jwt import (
    JwtRefusedError,
    SignedJwt,
    is_signed_by,
    read_jwt,
    refuse_other_alg,
    refuse_other_kind,
)
from issuance.wire.errors import InvalidDpopProof
from issuers.models import CLOCK_SKEW
from relying_parties.jwks.client_keys import (
    PRIVATE_MEMBERS,
    KeyRefusedError,
    VerificationKey,
    verification_key,
)

KEY_MEMBERS = frozenset({"kty", "crv", "n", "e", "x", "y", "alg", "use", "key_ops"}) | PRIVATE_MEMBERS
OLDEST = 300
"""Seconds since its making after which a proof is refused."""
DEFAULT_PORTS = {"https": 443, "http": 80}
ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
URI = re.compile(rf"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|{ESCAPE.pattern})+\Z")
"""The characters of RFC 3986 section 2: Python's own reader drops others, and reads on."""


@dataclass(frozen=True, slots=True)
class DpopProof:
    """Who holds the key of this thumbprint (RFC 7638) sent the request."""

    jkt: str
    use: SingleUse


def proven_key(proof: str, *, algs: tuple[str, ...], path: str, now: datetime) -> DpopProof:
    """Check a proof as RFC 9449 section 4.3 asks. `path` is the request's. Raises InvalidDpopProof."""
    try:
        token = read_jwt(proof)
        refuse_other_alg(token, accepted=algs)
        refuse_other_kind(token, typ=frozenset({"dpop+jwt"}))
        key = _embedded_key(token)
        _refuse_other_request(token, path=path)
        issued_at = _issue_instant(token, now=now)
        _refuse_outside_own_time(token, now=now)
        jti = token.text("jti")
    except JwtRefusedError as error:
        raise InvalidDpopProof(f"The DPoP proof is refused. {error}") from error
    replayed = InvalidDpopProof("The DPoP proof was used before: make a new one for each request.")
    once = single_use(holder=f"dpop:{key.thumbprint}", jti=jti, exp=issued_at + OLDEST, refusal=replayed)
    return DpopProof(jkt=key.thumbprint, use=once)


def _embedded_key(token: SignedJwt) -> VerificationKey:
    """The key of the header, which signed the proof."""
    try:
        key = verification_key(_own_members(token.header.get("jwk")))
    except KeyRefusedError as error:
        raise JwtRefusedError(f"Its jwk is refused. {error}") from error
    if token.alg not in key.algs:
        raise JwtRefusedError(f"Its alg is {token.alg}, which its key does not allow.")
    if not is_signed_by(token, key):
        raise JwtRefusedError("Its signature is not by the key that it holds.")
    return key


def _own_members(jwk: Any) -> Any:
    """The members that make the key and bound its use: whoever made it for this proof says nothing else of it."""
    return {name: jwk[name] for name in KEY_MEMBERS if name in jwk} if isinstance(jwk, dict) else jwk


def _refuse_other_request(token: SignedJwt, *, path: str) -> None:
    if token.text("htm") != "POST":
        raise JwtRefusedError("Its htm is not POST.")
    here = f"{settings.PUBLIC_URL}{path}"
    if (sent := _normalized(token.text("htu"))) is None or sent != _normalized(here):
        raise JwtRefusedError(f"Its htu is not {here}.")


def _issue_instant(token: SignedJwt, *, now: datetime) -> float:
    issued_at, clock = token.instant("iat"), now.timestamp()
    if issued_at is None:
        raise JwtRefusedError("Its iat is missing.")
    if issued_at > clock + CLOCK_SKEW.total_seconds():
        raise JwtRefusedError("Its iat is ahead of this server's clock: set the client's clock.")
    if issued_at < clock - OLDEST:
        raise JwtRefusedError(f"It is older than {OLDEST} seconds: make a new one for each request.")
    return issued_at


def _refuse_outside_own_time(token: SignedJwt, *, now: datetime) -> None:
    """A proof needs no `exp` or `nbf`; one that has them means them (RFC 7519 sections 4.1.4 and 4.1.5)."""
    exp, nbf = token.instant("exp"), token.instant("nbf")
    clock, skew = now.timestamp(), CLOCK_SKEW.total_seconds()
    if exp is not None and exp <= clock - skew:
        raise JwtRefusedError("Its exp is past.")
    if nbf is not None and nbf > clock + skew:
        raise JwtRefusedError("Its nbf is ahead of this server's clock: set the client's clock.")


def _normalized(uri: str) -> tuple[str, str, int | None, str] | None:
    """Scheme, host, port and path, as RFC 3986 sections 6.2.2 and 6.2.3 compare them; None if it is no such URI.

    Query and fragment do not count (RFC 9449 section 4.3).
    """
    if not URI.match(uri):
        return None
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or parts.username is not None or parts.password is not None:
        return None
    return (
        parts.scheme,
        parts.hostname,
        DEFAULT_PORTS.get(parts.scheme) if port is None else port,
        _without_dot_segments(ESCAPE.sub(_shortest, parts.path)),
    )


def _shortest(escape: re.Match[str]) -> str:
    """An escape of an unreserved character undone, another one in capital letters."""
    character = chr(int(escape[1], 16))
    return character if UNRESERVED.match(character) else escape[0].upper()


def _without_dot_segments(path: str) -> str:
    """RFC 3986 section 5.2.4, for the path of a URI with a host: it is empty or begins with a slash."""
    segments = path.split("/")[1:]
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            kept = kept[:-1]
        elif segment != ".":
            kept.append(segment)
    if segments and segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)
