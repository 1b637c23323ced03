"""What a key file is, by its first bytes, and what it is wrapped in. Asks for no password and decrypts nothing."""

import base64
import binascii
import re
from enum import Enum

BOM = b"\xef\xbb\xbf"
PEM = b"-----BEGIN "
PRIVATE_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]*)PRIVATE KEY-----")
JAVA_MAGIC = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")
"""JKS and JCEKS."""
BASE64 = re.compile(rb"[A-Za-z0-9+/_=\s-]+\Z")
SEQUENCE, INTEGER, OCTET_STRING, BIT_STRING = 0x30, 0x02, 0x04, 0x03


class FileKind(Enum):
    """The value is the operator's name for it."""

    PRIVATE_PEM = "PEM with a private key"
    PUBLIC_PEM = "a public key in PEM, without the private one"
    CERTIFICATE_PEM = "a certificate in PEM, without the private key"
    OTHER_PEM = "PEM without a private key"
    PKCS12 = "a PKCS#12 key store"
    JAVA = "a Java key store"
    PRIVATE_DER = "a private key in DER"
    ENCRYPTED_DER = "an encrypted private key in DER"
    PUBLIC_DER = "a public key in DER, without the private one"
    CERTIFICATE_DER = "a certificate in DER, without the private key"
    JSON = "JSON"
    PUTTY = "a private key of PuTTY"
    PUBLIC_SSH = "a public key of OpenSSH, without the private one"
    EMPTY = "empty"
    UNKNOWN = "neither PKCS#12, PEM, DER nor a JWK"


def unwrapped(data: bytes) -> bytes:
    """The key file itself: without byte order mark, quotation marks, escaped line ends and base64 around it."""
    data = data.removeprefix(BOM)
    text = data.strip().strip(b"\"'")
    if text.startswith(PEM):
        return text.replace(b"\\r", b"").replace(b"\\n", b"\n") if b"\\n" in text else data
    inner = _decoded(text)
    return unwrapped(inner) if inner and kind_of(inner) is not FileKind.UNKNOWN else data


def kind_of(data: bytes) -> FileKind:
    """Of an unwrapped file."""
    if PEM in data:
        return _kind_of_pem(data)
    text = data.lstrip()
    for start, kind in _STARTS:
        if text.startswith(start):
            return kind
    return _kind_of_der(data) if data else FileKind.EMPTY


_STARTS = (
    *((magic, FileKind.JAVA) for magic in JAVA_MAGIC),
    (b"{", FileKind.JSON),
    (b"[", FileKind.JSON),
    (b"PuTTY-User-Key-File", FileKind.PUTTY),
    (b"ssh-", FileKind.PUBLIC_SSH),
    (b"ecdsa-sha2-", FileKind.PUBLIC_SSH),
)


def _kind_of_pem(data: bytes) -> FileKind:
    if PRIVATE_PEM.search(data):
        return FileKind.PRIVATE_PEM
    if PEM + b"CERTIFICATE-----" in data:
        return FileKind.CERTIFICATE_PEM
    return FileKind.PUBLIC_PEM if b"PUBLIC KEY-----" in data else FileKind.OTHER_PEM


def _kind_of_der(data: bytes) -> FileKind:
    """By the first two members of the SEQUENCE (RFC 7292 4, RFC 5958 2, RFC 8017 A.1.2, RFC 5915 3, RFC 5280 4.1)."""
    outer = _content(data, SEQUENCE)
    if outer is None:
        return FileKind.UNKNOWN
    number = _content(outer, INTEGER)
    if number is not None:
        return FileKind.PKCS12 if number[:1] == b"\x03" else FileKind.PRIVATE_DER
    if (first := _content(outer, SEQUENCE)) is None:
        return FileKind.UNKNOWN
    after = outer[outer.index(first) + _length(outer) :][:1]
    if after == bytes([OCTET_STRING]):
        return FileKind.ENCRYPTED_DER
    return FileKind.PUBLIC_DER if after == bytes([BIT_STRING]) else FileKind.CERTIFICATE_DER


def _content(der: bytes, tag: int) -> bytes | None:
    """What follows tag and length, to the end of the data; None if there is another tag or no length."""
    if len(der) < 2 or der[0] != tag:  # noqa: PLR2004 - tag and length
        return None
    return der[2 + (der[1] & 0x7F if der[1] & 0x80 else 0) :]


def _length(der: bytes) -> int:
    """Bytes of the value of the first member."""
    if not der[1] & 0x80:
        return der[1]
    return int.from_bytes(der[2 : 2 + (der[1] & 0x7F)])


def _decoded(text: bytes) -> bytes:
    """Decoded from base64 or base64url; empty if it is neither."""
    if not BASE64.match(text):
        return b""
    compact = b"".join(text.split()).replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=")
    try:
        return base64.b64decode(compact + b"=" * (-len(compact) % 4), validate=True)
    except binascii.Error:
        return b""
