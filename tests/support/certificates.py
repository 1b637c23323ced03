"""Certificates of a test's own keys."""

import base64
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from django.utils import timezone

from tests.support.forging import PrivateKey


def der_certificate(key: PrivateKey, *, ends: datetime | None = None) -> bytes:
    """Self-signed; it ends in a year unless said otherwise."""
    ends = ends or timezone.now() + timedelta(days=365)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "robot")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ends - timedelta(days=400))
        .not_valid_after(ends)
    )
    hashing = None if isinstance(key, Ed25519PrivateKey) else SHA256()
    return builder.sign(key, hashing).public_bytes(Encoding.DER)


def in_x5c(jwk: dict[str, Any], *chain: bytes) -> dict[str, Any]:
    """RFC 7517 section 4.7: standard base64."""
    return {**jwk, "x5c": [base64.b64encode(der).decode() for der in chain]}
