"""The only place where a private key is used."""

from typing import Any, cast

import jwt
from cryptography.hazmat.primitives.serialization import load_der_private_key

from keys.encryption import KeyUnreadableError, decrypt
from keys.generation import PrivateKey
from keys.keyring import KeySnapshot

_parsed: dict[tuple[int, str], PrivateKey] = {}
"""Private keys of this process by row and kid: decrypting and parsing one costs more than a signature."""


def sign(claims: dict[str, Any], *, header: dict[str, Any], key: KeySnapshot) -> str:
    """A JWT in compact serialization (RFC 7519, RFC 7515 section 7.1). Raises KeyUnreadableError."""
    return jwt.encode(
        claims, private_key_of(key), algorithm=key.alg, headers=header | {"alg": key.alg, "kid": key.kid}
    )


def private_key_of(key: KeySnapshot) -> PrivateKey:
    """The key's private half, decrypted once in this process. Raises KeyUnreadableError."""
    parsed = _parsed.get((key.id, key.kid))
    if parsed is None:
        parsed = _parsed[key.id, key.kid] = _open(key)
    return parsed


def _open(key: KeySnapshot) -> PrivateKey:
    if key.encrypted is None:
        raise KeyUnreadableError(f"The private half of key {key.kid} was wiped.")
    # The ciphertext is authenticated: what comes out is what went in, and needs no second validation.
    return cast(
        PrivateKey,
        load_der_private_key(decrypt(key.encrypted), password=None, unsafe_skip_rsa_key_validation=True),
    )
