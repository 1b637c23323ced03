"""Keys as other products export them. Passwords are stretched as little as can be: the tests have many."""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from django.utils import timezone

from keys.generation import PrivateKey, self_signed_certificate

MODERN, LEGACY = pkcs12.PBES.PBESv2SHA256AndAES256CBC, pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC
ALIAS = "signing"
LONG_AGO = timedelta(days=8000)
"""Longer than a self-signed certificate is valid."""


FROM_STORE = "pkcs12: {file: ks.p12}, store_password_from: {env: S}"
FROM_PEM = "pem: {file: key.pem}"
PASSWORDS = {"S": "changeit", "K": "key-password"}
"""What the variables of the tests' files hold."""


def imported(rest: str, *, issuer: str = "oidc_m2m") -> str:
    """A file of one line that imports a key."""
    return f"signing_keys: [{{issuer: {issuer}, {rest}}}]"


def p256() -> EllipticCurvePrivateKey:
    return generate_private_key(SECP256R1())


def pem(key: PrivateKey, password: str = "", *, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, form, encryption)


def certificate(key: PrivateKey, name: str = "old idp", *, now: datetime | None = None) -> x509.Certificate:
    text = self_signed_certificate(key, common_name=name, now=now or timezone.now())
    return x509.load_pem_x509_certificate(text.encode())


def certificate_pem(key: PrivateKey, *, now: datetime | None = None) -> bytes:
    return certificate(key, now=now).public_bytes(Encoding.PEM)


def store(
    key: PrivateKey,
    password: str = PASSWORDS["S"],
    *,
    others: tuple[tuple[str, x509.Certificate], ...] = (),
    scheme: pkcs12.PBES = MODERN,
) -> bytes:
    """A PKCS#12 store; the certificates of its other entries by alias."""
    return pkcs12.serialize_key_and_certificates(
        ALIAS.encode(),
        key,
        certificate(key),
        [pkcs12.PKCS12Certificate(other, name.encode()) for name, other in others],
        _encryption(password, scheme),
    )


def _encryption(password: str, scheme: pkcs12.PBES) -> KeySerializationEncryption:
    if not password:
        return NoEncryption()
    builder = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(1).key_cert_algorithm(scheme)
    return builder.hmac_hash(SHA256()).build(password.encode())
