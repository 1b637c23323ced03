"""Key files that ask for more work than they are worth."""

import time
from base64 import encodebytes

import pytest
from django.core.exceptions import ValidationError

from keys.importing import opening
from keys.importing.key_files import read_pem, read_pkcs12

SEQUENCE, OCTETS, INTEGER, OID, EXPLICIT = 0x30, 0x04, 0x02, 0x06, 0xA0
PBES2, PBKDF2 = bytes.fromhex("2a864886f70d01050d"), bytes.fromhex("2a864886f70d01050c")
AES_256_CBC, SHA_256 = bytes.fromhex("60864801650304012a"), bytes.fromhex("608648016503040201")
DATA = bytes.fromhex("2a864886f70d010701")
HOURS = b"\x7f\xff\xff\xff"
"""As many iterations as OpenSSL takes, 2^31 - 1."""


def der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    length = bytes([len(content)]) if len(content) < 128 else bytes([0x81, len(content)])
    return bytes([tag]) + length + content


def slow_pem() -> bytes:
    """RFC 8018 appendix A."""
    derivation = der(SEQUENCE, der(OID, PBKDF2), der(SEQUENCE, der(OCTETS, bytes(8)), der(INTEGER, HOURS)))
    encryption = der(SEQUENCE, der(OID, AES_256_CBC), der(OCTETS, bytes(16)))
    scheme = der(SEQUENCE, der(OID, PBES2), der(SEQUENCE, derivation, encryption))
    text = encodebytes(der(SEQUENCE, scheme, der(OCTETS, bytes(64)))).decode()
    return f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{text}-----END ENCRYPTED PRIVATE KEY-----\n".encode()


def slow_pkcs12() -> bytes:
    """RFC 7292 section 4."""
    nothing = der(SEQUENCE, der(OID, DATA), der(EXPLICIT, der(OCTETS, der(SEQUENCE))))
    digest = der(SEQUENCE, der(SEQUENCE, der(OID, SHA_256)), der(OCTETS, bytes(32)))
    mac = der(SEQUENCE, digest, der(OCTETS, bytes(8)), der(INTEGER, HOURS))
    return der(SEQUENCE, der(INTEGER, b"\x03"), nothing, mac)


@pytest.fixture
def _in_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "MAX_SECONDS", 1)


@pytest.mark.slow
@pytest.mark.usefixtures("_in_a_second")
def test_a_pem_file_that_would_take_minutes_is_given_up() -> None:
    began = time.monotonic()
    with pytest.raises(ValidationError, match="Write it again with the defaults of openssl or keytool"):
        read_pem(slow_pem(), password="changeit")
    assert time.monotonic() - began < 10


@pytest.mark.slow
@pytest.mark.usefixtures("_in_a_second")
def test_a_store_that_would_take_minutes_is_given_up() -> None:
    began = time.monotonic()
    with pytest.raises(ValidationError, match="Write it again with the defaults of openssl or keytool"):
        read_pkcs12(slow_pkcs12(), store_password="changeit")
    assert time.monotonic() - began < 10
