"""The program that decrypts one key file: it reads the file and its password from its input and writes the answer.

It runs apart (see opening.py) and has nothing of this installation: no settings, and none of its modules.
"""

import base64
import json
import re
import sys
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import SHA1, SHA224, SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
    pkcs12,
)
from jwt import PyJWK
from jwt.exceptions import PyJWTError

ERRORS: dict[str, type[Exception]] = {
    error.__name__: error for error in (TypeError, UnsupportedAlgorithm, ValueError)
}
"""What cryptography raises for a file that it cannot open."""

RSASSA_PSS = bytes.fromhex("06092a864886f70d01010a")
"""The object identifier of RSA keys that sign by PSS alone (RFC 4055 section 1.2)."""
HEAD = 40
"""The object identifier is within so many bytes of a key."""
SEQUENCE, INTEGER, OCTET_STRING = 0x30, 0x02, 0x04
PBES2, PBKDF2 = bytes.fromhex("2a864886f70d01050d"), bytes.fromhex("2a864886f70d01050c")
SCRYPT = bytes.fromhex("2b06010401da47040b")
AES_CBC = {
    bytes.fromhex(f"6086480165030401{end}"): length for end, length in (("02", 16), ("16", 24), ("2a", 32))
}
DIGESTS: dict[bytes, type[HashAlgorithm]] = {
    bytes.fromhex(f"2a864886f70d02{end}"): digest
    for end, digest in (("07", SHA1), ("08", SHA224), ("09", SHA256), ("0a", SHA384), ("0b", SHA512))
}
"""By the pseudo-random functions of PBKDF2 (RFC 8018 appendix B.1)."""


def text_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def bytes_of(text: str) -> bytes:
    return base64.b64decode(text)


def _answer(kind: str, data: bytes, password: str) -> dict[str, Any]:
    """What the process says about the file."""
    if kind == "pem":
        key = load_pem_private_key(data, password.encode() or None)
        return {"key": _written(key), "is_pss": is_pss_alone(_body_of(data), password)}
    if kind == "der":
        key = load_der_private_key(data, password.encode() or None)
        return {"key": _written(key), "is_pss": is_pss_alone(data, password)}
    if kind == "jwk":
        return {"key": _written(_key_of_jwk(data))}
    store = pkcs12.load_pkcs12(data, password.encode())
    entries = (store.cert, *store.additional_certs)
    return {"key": _written(store.key), "certificates": [_entry(entry) for entry in entries]}


def is_pss_alone(der: bytes, password: str) -> bool:
    """Whether a PKCS#8 key (RFC 5208) says that it signs by PSS alone: cryptography does not say it.

    For an encrypted key this is known where the scheme is PBES2 (RFC 8018) with AES-CBC, which today's tools use.
    """
    try:
        plain = _decrypted(der, password) if password else der
    except (IndexError, KeyError, ValueError):
        return False
    return RSASSA_PSS in plain[:HEAD]


def _body_of(pem: bytes) -> bytes:
    """The DER of the first private key in PKCS#8; empty of a key in another form, which cannot say it."""
    match = re.search(rb"-----BEGIN (?:ENCRYPTED )?PRIVATE KEY-----(.*?)-----END ", pem, re.DOTALL)
    return base64.b64decode(match[1]) if match else b""


def _decrypted(der: bytes, password: str) -> bytes:
    """Of an EncryptedPrivateKeyInfo (RFC 5958 section 3), with its padding. Raises KeyError for another scheme."""
    (_, info), *_ = _members(der)
    (_, algorithm), (_, ciphertext), *_ = _members(info)
    (_, scheme), (_, parameters), *_ = _members(algorithm)
    if scheme != PBES2:
        raise KeyError(scheme)
    (_, derivation), (_, encryption), *_ = _members(parameters)
    (_, cipher), (_, vector), *_ = _members(encryption)
    key = _derived(derivation, password.encode(), length=AES_CBC[cipher])
    decryptor = Cipher(AES(key), CBC(vector)).decryptor()
    return decryptor.update(ciphertext) + decryptor.finalize()


def _derived(derivation: bytes, password: bytes, *, length: int) -> bytes:
    (_, function), (_, parameters), *_ = _members(derivation)
    members = _members(parameters)
    salt, *numbers = (value for tag, value in members if tag in (OCTET_STRING, INTEGER))
    if function == SCRYPT:
        n, r, p = (int.from_bytes(number) for number in numbers[:3])
        return Scrypt(salt=salt, length=length, n=n, r=r, p=p).derive(password)
    if function != PBKDF2:
        raise KeyError(function)
    named = [_members(value)[0][1] for tag, value in members if tag == SEQUENCE]
    digest = DIGESTS[named[0]] if named else SHA1
    iterations = int.from_bytes(numbers[0])
    return PBKDF2HMAC(digest(), length=length, salt=salt, iterations=iterations).derive(password)


def _members(der: bytes) -> list[tuple[int, bytes]]:
    """Tag and content of each value that follows the other. Raises IndexError where one is cut off."""
    members, at = [], 0
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(der[at : at + size]), at + size
        members.append((tag, der[at : at + length]))
        at += length
    return members


def _key_of_jwk(data: bytes) -> Any:
    try:
        return PyJWK(json.loads(data)).key
    except (PyJWTError, TypeError, KeyError, OverflowError) as error:
        raise ValueError("jwk") from error


def _written(private_key: Any) -> str | None:
    if private_key is None:
        return None
    return text_of(private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


def _entry(entry: pkcs12.PKCS12Certificate | None) -> dict[str, str | None] | None:
    if entry is None:
        return None
    name = text_of(entry.friendly_name) if entry.friendly_name is not None else None
    return {"der": text_of(entry.certificate.public_bytes(Encoding.DER)), "name": name}


def _main() -> None:
    question = json.load(sys.stdin)
    try:
        answered = _answer(question["kind"], bytes_of(question["data"]), question["password"])
    except tuple(ERRORS.values()) as error:
        known = next(name for name, kind in ERRORS.items() if isinstance(error, kind))
        answered = {"error": known}
    json.dump(answered, sys.stdout)


if __name__ == "__main__":
    _main()
