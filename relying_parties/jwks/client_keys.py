"""The public keys that others sign with: a relying party's own, a trusted issuer's, that of a DPoP proof.

As JWK (RFC 7517, RFC 7518 section 6, RFC 8037, RFC 9864): RSA, P-256, P-384, P-521 and Ed25519.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from jwt import PyJWK, get_algorithm_by_name
from jwt.exceptions import PyJWTError

from formats.certificates import Certificates, read_certificate
from formats.foreign_keys import key_problem
from formats.json_value import json_problem
from formats.thumbprints import REQUIRED_MEMBERS, base64url, thumbprint
from issuers.assertion_algs import ALGS

PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
MAX_KEYS = 20
MAX_JWKS_LENGTH = 131_072
"""Characters of JSON: twenty keys with their certificates."""
MAX_KID_LENGTH = 255
BASE64URL = re.compile(r"[A-Za-z0-9_-]+\Z")

log = structlog.get_logger("relying_parties")

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey


class KeyRefusedError(Exception):
    """A JWK that cannot be used; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key, and which signatures it may verify. A key without a kid of its own has its thumbprint for one."""

    kid: str
    thumbprint: str
    algs: tuple[str, ...]
    key: PublicKey = field(repr=False)
    certificates: tuple[bytes, ...] = field(default=(), repr=False)
    """Its `x5c`, in DER, leaf first."""
    x5t: str = ""
    x5t_s256: str = ""
    expires_at: datetime | None = None

    def is_live(self, now: datetime) -> bool:
        return self.expires_at is None or now < self.expires_at


def client_keys(jwks: Any) -> tuple[VerificationKey, ...]:
    """The keys of a JWK Set that an operator registers, each of which must be usable. Raises KeyRefusedError."""
    jwk_list = _listed(jwks)
    if not jwk_list or len(jwk_list) > MAX_KEYS:
        raise KeyRefusedError(f"A JWK Set of 1 to {MAX_KEYS} keys; this one has {len(jwk_list)}.")
    keys = tuple(_numbered(number, jwk) for number, jwk in enumerate(jwk_list, start=1))
    kids = [key.kid for key in keys]
    if twice := next((kid for kid in kids if kids.count(kid) > 1), None):
        raise KeyRefusedError(f"The kid {twice} is given twice: give each key its own.")
    return keys


def registered_keys(jwks: Any) -> tuple[VerificationKey, ...]:
    """The usable keys of a JWK Set as it is stored, None for none: it passed the checks of its time."""
    keys = jwks.get("keys") if isinstance(jwks, Mapping) else None
    return usable_keys(keys) if isinstance(keys, list) else ()


def usable_keys(jwk_list: Iterable[Any]) -> tuple[VerificationKey, ...]:
    """The usable keys of these JWKs; others are skipped, whatever is wrong with them."""
    return tuple(key for key in map(_key_if_usable, jwk_list) if key)


def client_jwks_problem(jwks: Any) -> str | None:
    """What is wrong with a JWK Set to be registered, None if nothing is."""
    try:
        client_keys(jwks)
    except KeyRefusedError as error:
        return str(error)
    return json_problem(jwks, longest=MAX_JWKS_LENGTH)


def verification_key(jwk: Any) -> VerificationKey:
    """The key that a JWK describes. Raises KeyRefusedError."""
    if not isinstance(jwk, Mapping):
        raise KeyRefusedError("A key is a JSON object.")
    _refuse_other_use(jwk)
    key = _public_key(jwk)
    name = thumbprint({member: jwk[member] for member in REQUIRED_MEMBERS[jwk["kty"]]})
    certificates = _certificates(jwk, key)
    return VerificationKey(
        kid=_kid(jwk) or name,
        thumbprint=name,
        algs=_algs(jwk),
        key=key,
        certificates=tuple(each.public_bytes(Encoding.DER) for each in certificates),
        x5t=_certificate_name(jwk, "x5t", certificates),
        x5t_s256=_certificate_name(jwk, "x5t#S256", certificates),
        expires_at=_expiry(jwk, certificates),
    )


def public_members(key: Any) -> dict[str, str]:
    """The members that make a key of one of the kinds that are accepted (RFC 7518 section 6, RFC 8037)."""
    match key:
        case RSAPublicKey():
            members = get_algorithm_by_name("RS256").to_jwk(key, as_dict=True)
        case EllipticCurvePublicKey():
            members = get_algorithm_by_name("ES256").to_jwk(key, as_dict=True)
        case _:
            members = get_algorithm_by_name("EdDSA").to_jwk(key, as_dict=True)
    return {name: str(members[name]) for name in REQUIRED_MEMBERS[str(members["kty"])]}


def _listed(jwks: Any) -> list[Any]:
    keys = jwks.get("keys") if isinstance(jwks, Mapping) else None
    if not isinstance(keys, list):
        raise KeyRefusedError('It must be a JWK Set: {"keys": [...]} (RFC 7517 section 5).')
    return keys


def _key_if_usable(jwk: Any) -> VerificationKey | None:
    try:
        return verification_key(jwk)
    except KeyRefusedError:
        return None
    except Exception:
        # An unforeseen defect of one key must not make the others unusable.
        log.warning("key_not_read", exc_info=True)
        return None


def _numbered(number: int, jwk: Any) -> VerificationKey:
    try:
        return verification_key(jwk)
    except KeyRefusedError as error:
        raise KeyRefusedError(f"Key {number}: {error}") from error


def _refuse_other_use(jwk: Mapping[str, Any]) -> None:
    if found := sorted(PRIVATE_MEMBERS & jwk.keys()):
        raise KeyRefusedError(
            f"It holds {', '.join(found)}, which is private: register the public half, and replace the key."
        )
    if jwk.get("use", "sig") != "sig":
        raise KeyRefusedError("Its use must be sig.")
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise KeyRefusedError("Its key_ops must include verify.")


def _algs(jwk: Mapping[str, Any]) -> tuple[str, ...]:
    algs = ALGS[jwk["kty"], jwk.get("crv") if jwk["kty"] != "RSA" else None]
    if "alg" not in jwk:
        return algs
    if jwk["alg"] not in algs:
        raise KeyRefusedError(f"Its alg must be one of {', '.join(algs)}.")
    return (str(jwk["alg"]),)


def _public_key(jwk: Mapping[str, Any]) -> PublicKey:
    kind = (jwk.get("kty"), jwk.get("crv") if jwk.get("kty") != "RSA" else None)
    if not all(isinstance(part, str | None) for part in kind) or kind not in ALGS:
        raise KeyRefusedError("Offered are RSA keys, the curves P-256, P-384 and P-521, and Ed25519.")
    kty = str(jwk["kty"])
    values = {name: jwk.get(name) for name in REQUIRED_MEMBERS[kty]}
    if bad := [name for name, value in values.items() if not _is_member(name, value)]:
        raise KeyRefusedError(f"Its member {bad[0]} is missing or not in base64url.")
    try:
        loaded = PyJWK(values, algorithm=ALGS[kind][0])
    except (PyJWTError, ValueError) as error:
        raise KeyRefusedError("Its numbers make no key of that kind.") from error
    key: PublicKey = loaded.key
    _refuse_other_spelling(values, as_written=loaded.Algorithm.to_jwk(key, as_dict=True))
    if problem := key_problem(key):
        raise KeyRefusedError(problem)
    return key


def _is_member(name: str, value: Any) -> bool:
    return isinstance(value, str) and (name in {"kty", "crv"} or BASE64URL.match(value) is not None)


def _refuse_other_spelling(values: Mapping[str, Any], *, as_written: Mapping[str, Any]) -> None:
    """One key has one JWK, so that it has one thumbprint: no leading zeros (RFC 7518 section 6.3.1.1)."""
    if other := [name for name, value in values.items() if as_written[name] != value]:
        raise KeyRefusedError(f"Its member {other[0]} is not written as RFC 7518 section 6 has it.")


def _kid(jwk: Mapping[str, Any]) -> str:
    kid = jwk.get("kid", "")
    if not isinstance(kid, str) or len(kid) > MAX_KID_LENGTH or not kid.isprintable():
        raise KeyRefusedError(f"Its kid must be a text of at most {MAX_KID_LENGTH} printable characters.")
    return kid


def _certificates(jwk: Mapping[str, Any], key: PublicKey) -> Certificates:
    """Its `x5c` (RFC 7517 section 4.7): standard base64, the key's own certificate first."""
    chain = jwk.get("x5c", [])
    if not isinstance(chain, list) or not all(isinstance(entry, str) for entry in chain):
        raise KeyRefusedError("Its x5c must be a list of certificates in base64.")
    try:
        certificates = tuple(read_certificate(base64.b64decode(entry, validate=True)) for entry in chain)
        is_own = not certificates or certificates[0].public_key() == key
    except (binascii.Error, ValueError, UnsupportedAlgorithm) as error:
        raise KeyRefusedError("Its x5c holds something that is not a certificate.") from error
    if not is_own:
        raise KeyRefusedError("The first certificate of its x5c is another key's.")
    return certificates


def _certificate_name(jwk: Mapping[str, Any], member: str, certificates: Certificates) -> str:
    """Its `x5t` or `x5t#S256`; of a certificate that is here, computed."""
    if certificates:
        digest = SHA1() if member == "x5t" else SHA256()  # noqa: S303 - RFC 7517 section 4.8 asks for it
        return base64url(certificates[0].fingerprint(digest))
    name = jwk.get(member, "")
    return name if isinstance(name, str) else ""


def _expiry(jwk: Mapping[str, Any], certificates: Certificates) -> datetime | None:
    """The earlier one of its `exp` (OpenID Federation 1.0 section 8.7.2) and its certificate's expiry."""
    ends = [certificate.not_valid_after_utc for certificate in certificates[:1]]
    if "exp" in jwk:
        ends.append(_instant(jwk["exp"]))
    return min(ends, default=None)


def _instant(seconds: Any) -> datetime:
    try:
        return datetime.fromtimestamp(float("nan") if isinstance(seconds, bool | str) else seconds, tz=UTC)
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise KeyRefusedError("Its exp must be a number of seconds since 1970.") from error
