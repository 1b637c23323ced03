"""Public keys that were made elsewhere: which are strong, and cheap to verify with.

The sender of a key chooses its numbers. An RSA signature costs as many multiplications as the exponent has bits.
"""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import Certificate

from formats.roca import is_roca_weak

MIN_RSA_BITS, MAX_RSA_BITS = 2048, 8192
RSA_EXPONENT = 65537
ROCA = (
    "The RSA key is weak (ROCA, CVE-2017-15361): its private half can be computed from the public one. "
    "Make a new key with other software or hardware."
)
KINDS = "Accepted are RSA keys, the curves P-256, P-384 and P-521, and Ed25519."
ED25519_FIELD = 2**255 - 19
ED25519_ORDER_8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
ED25519_LOW_ORDER = frozenset({0, 1, ED25519_FIELD - 1, ED25519_ORDER_8, ED25519_FIELD - ED25519_ORDER_8})
"""The y coordinates of the eight points of low order (their order divides 8)."""


def key_problem(key: object) -> str | None:
    """Why signatures by this public key are not accepted, None if they are."""
    match key:
        case RSAPublicKey():
            return rsa_problem(key)
        case EllipticCurvePublicKey(curve=SECP256R1() | SECP384R1() | SECP521R1()):
            return None
        case Ed25519PublicKey():
            return _low_order_problem(key)
    return KINDS


def rsa_problem(key: RSAPublicKey) -> str | None:
    if not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
        return f"An RSA key has {MIN_RSA_BITS} to {MAX_RSA_BITS} bits; this one has {key.key_size}."
    numbers = key.public_numbers()
    if numbers.e != RSA_EXPONENT:
        return f"An RSA key's exponent must be {RSA_EXPONENT}."
    return ROCA if is_roca_weak(numbers.n) else None


def certificate_key_problem(certificate: Certificate) -> str | None:
    """Why the key of this certificate is not accepted, None if it is."""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return KINDS
    return key_problem(key)


def _low_order_problem(key: Ed25519PublicKey) -> str | None:
    """Signatures by such a point need no private key, and still verify (RFC 8032 does not require this check)."""
    y = int.from_bytes(key.public_bytes_raw(), "little") & ((1 << 255) - 1)
    is_low = y % ED25519_FIELD in ED25519_LOW_ORDER
    return "Its point is of low order, by which anybody can sign: make a new key." if is_low else None
