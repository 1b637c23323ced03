"""The only place where a private key is used, wherever it lives."""

from base64 import urlsafe_b64encode
from functools import cache
from typing import Any, cast
from weakref import WeakKeyDictionary

import jwt
from cryptography.hazmat.primitives.serialization import load_der_private_key
from django.core.exceptions import ValidationError

from formats.compact_json import compact_json
from keys.encryption import EncryptedKey, KeyUnreadableError, decrypt
from keys.generation import PrivateKey
from keys.jwk import public_key
from keys.keyring import KeySnapshot
from keys.pkcs11.keys import key_in_token
from keys.pkcs11.uri import Pkcs11Uri
from runtime.main_loop import refuse_to_wait

PROBE = b"This is signed to see whether the key signs. It is no token."

_parsed: WeakKeyDictionary[EncryptedKey, PrivateKey] = WeakKeyDictionary()
"""The private keys of this process. One that is wiped, moved to another KEK or revoked goes with its snapshot."""


def sign(claims: dict[str, Any], *, header: dict[str, Any], key: KeySnapshot) -> str:
    """A JWT in compact serialization (RFC 7519, RFC 7515 section 7.1). Raises KeyUnreadableError."""
    segments = (
        compact_json({"typ": "JWT"} | header | {"alg": key.alg, "kid": key.kid}),
        compact_json(claims),
    )
    signing_input = b".".join(map(_base64url, segments))
    signature = _algorithm(key.alg).sign(signing_input, private_key_of(key))
    return b".".join((signing_input, _base64url(signature))).decode()


def _base64url(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


_algorithm = cache(jwt.get_algorithm_by_name)


def private_key_of(key: KeySnapshot) -> PrivateKey:
    """The key's private half: decrypted once in this process, or seen in its token. Raises KeyUnreadableError."""
    if key.pkcs11_uri:
        refuse_to_wait()
        return key_in_token(_uri_of(key), public_key(key.jwk)).seen()
    if key.encrypted is None:
        raise KeyUnreadableError(f"The private half of key {key.kid} was wiped.")
    parsed = _parsed.get(key.encrypted)
    if parsed is None:
        parsed = _parsed[key.encrypted] = _opened(key.encrypted)
    return parsed


def _uri_of(key: KeySnapshot) -> Pkcs11Uri:
    """Raises KeyUnreadableError."""
    try:
        return Pkcs11Uri.parse(key.pkcs11_uri)
    except ValidationError as error:
        raise KeyUnreadableError(
            f"The PKCS#11 URI of key {key.kid} is wrong. {' '.join(error.messages)}"
        ) from error


def check(key: KeySnapshot) -> None:
    """Raises KeyUnreadableError if the key cannot sign now. A token is asked for a signature: it may have gone away."""
    private_key = private_key_of(key)
    if key.pkcs11_uri and not proves_itself(private_key, alg=key.alg):
        raise KeyUnreadableError(
            f"What {key.pkcs11_uri} signs does not fit the key {key.kid}: mend the token."
        )


def proves_itself(private_key: PrivateKey, *, alg: str) -> bool:
    """Whether a signature verifies by the public half. Raises KeyUnreadableError."""
    algorithm = jwt.get_algorithm_by_name(alg)
    return algorithm.verify(PROBE, private_key.public_key(), algorithm.sign(PROBE, private_key))


def _opened(encrypted: EncryptedKey) -> PrivateKey:
    # The ciphertext is authenticated: what comes out is what went in, and needs no second validation.
    return cast(
        PrivateKey,
        load_der_private_key(decrypt(encrypted), password=None, unsafe_skip_rsa_key_validation=True),
    )
