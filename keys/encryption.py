"""Private keys at rest: AES-256-GCM under a key-encryption key (KEK) from the environment (NIST SP 800-38D)."""

import secrets
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

NONCE_BYTES = 12


class KeyUnreadableError(Exception):
    """A private key cannot be decrypted, or its token cannot sign; the text says what to do."""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class EncryptedKey:
    """`ciphertext` is nonce, ciphertext and tag; `identity` is the associated data that ties it to its row."""

    kek_id: str
    ciphertext: bytes = field(repr=False)
    identity: str


def encrypt(private_key: bytes, *, identity: str) -> EncryptedKey:
    """Encrypt under the current KEK, the first of KEY_ENCRYPTION_KEYS."""
    kek_id, kek = next(iter(settings.KEY_ENCRYPTION_KEYS.items()))
    nonce = secrets.token_bytes(NONCE_BYTES)
    ciphertext = nonce + AESGCM(kek).encrypt(nonce, private_key, identity.encode())
    return EncryptedKey(kek_id=kek_id, ciphertext=ciphertext, identity=identity)


def decrypt(encrypted: EncryptedKey) -> bytes:
    """Raises KeyUnreadableError when the KEK is missing or has another value, or when the row was tampered with."""
    kek = settings.KEY_ENCRYPTION_KEYS.get(encrypted.kek_id)
    if kek is None:
        raise KeyUnreadableError(
            f"Key {encrypted.identity} is encrypted under the key-encryption key {encrypted.kek_id!r}, "
            f"which KEY_ENCRYPTION_KEYS does not hold. Put it back."
        )
    nonce, sealed = encrypted.ciphertext[:NONCE_BYTES], encrypted.ciphertext[NONCE_BYTES:]
    try:
        return AESGCM(kek).decrypt(nonce, sealed, encrypted.identity.encode())
    except (InvalidTag, ValueError) as error:
        raise KeyUnreadableError(
            f"Key {encrypted.identity} does not open with the key-encryption key {encrypted.kek_id!r}: "
            f"KEY_ENCRYPTION_KEYS holds another key under that id, or the row was changed."
        ) from error
