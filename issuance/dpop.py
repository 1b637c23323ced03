"""A proof that the sender holds a key, to which the token is then bound (RFC 9449)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from django.conf import settings

from issuance.errors import InvalidDpopProof
from issuance.replay import OneUse, one_use
from issuance.signed_jwt import JwtRefusedError, SignedJwt, is_signed_by, read_jwt, refuse_other_kind
from issuers.models import CLOCK_SKEW
from relying_parties.client_keys import KeyRefusedError, VerificationKey, verification_key

OLDEST = 300
"""Seconds since its making after which a proof is refused."""
DEFAULT_PORTS = {"https": 443, "http": 80}
UNRESERVED = "-._~"
SUB_DELIMITERS = "!$&'()*+,;=:@"


@dataclass(frozen=True, slots=True)
class DpopProof:
    """Who holds the key of this thumbprint (RFC 7638) sent the request."""

    jkt: str
    use: OneUse


def proven_key(proof: str, *, path: str, now: datetime) -> DpopProof:
    """Check a proof as RFC 9449 section 4.3 asks. `path` is the request's. Raises InvalidDpopProof."""
    try:
        token = read_jwt(proof)
        refuse_other_kind(token, typ=frozenset({"dpop+jwt"}))
        key = _embedded_key(token)
        _refuse_other_request(token, path=path)
        issued_at = _issue_instant(token, now=now)
        jti = token.text("jti")
    except JwtRefusedError as error:
        raise InvalidDpopProof(f"The DPoP proof is refused. {error}") from error
    replayed = InvalidDpopProof("The DPoP proof was used before: make a new one for each request.")
    once = one_use(holder=f"dpop:{key.thumbprint}", jti=jti, exp=issued_at + OLDEST, refusal=replayed)
    return DpopProof(jkt=key.thumbprint, use=once)


def _embedded_key(token: SignedJwt) -> VerificationKey:
    """The key of the header, which signed the proof."""
    try:
        key = verification_key(token.header.get("jwk"))
    except KeyRefusedError as error:
        raise JwtRefusedError(f"Its jwk is refused. {error}") from error
    if token.alg not in key.algs:
        raise JwtRefusedError(f"Its alg is {token.alg}, which its key does not allow.")
    if not is_signed_by(token, key):
        raise JwtRefusedError("Its signature is not by the key that it holds.")
    return key


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


def _normalized(uri: str) -> tuple[Any, ...] | None:
    """A URI without query and fragment, as RFC 3986 sections 6.2.2 and 6.2.3 compare it; None if it is none."""
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or parts.username is not None or parts.password is not None:
        return None
    scheme = parts.scheme.lower()
    return scheme, parts.hostname.lower(), port or DEFAULT_PORTS.get(scheme), _normalized_path(parts.path)


def _normalized_path(path: str) -> str:
    """Escapes of unreserved characters undone, the others in capital letters; dot segments stay, and match nothing."""
    segments = (path or "/").split("/")
    return "/".join(quote(unquote(segment), safe=UNRESERVED + SUB_DELIMITERS) for segment in segments)
