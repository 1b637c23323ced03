"""New key pairs and their self-signed certificates."""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from issuers.models import SigningAlg

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | Ed25519PrivateKey

RSA_BITS = 2048
NOT_OFFERED = "Only RSA, P-256, P-384 and Ed25519 keys are taken."
CERTIFICATE_LIFE = timedelta(days=7300)
"""Longer than the longest rotation, so that a verifier of x5c never finds an expired certificate."""
MAX_COMMON_NAME_LENGTH = 64


def generate_private_key(alg: str) -> PrivateKey:
    match alg:
        case SigningAlg.RS256 | SigningAlg.PS256:
            return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
        case SigningAlg.ES256:
            return ec.generate_private_key(ec.SECP256R1())
        case SigningAlg.ES384:
            return ec.generate_private_key(ec.SECP384R1())
        case SigningAlg.EDDSA:
            return Ed25519PrivateKey.generate()
        case _:
            raise ValueError(f"{alg} is not offered; offered are {', '.join(SigningAlg.values)}.")


def self_signed_certificate(private_key: PrivateKey, *, common_name: str, now: datetime) -> str:
    """A self-signed certificate in PEM. It says only which name the key has."""
    name = subject(common_name)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + CERTIFICATE_LIFE)
        .sign(private_key, digest_for(private_key))
    )
    return certificate.public_bytes(Encoding.PEM).decode()


def subject(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:MAX_COMMON_NAME_LENGTH])])


def digest_for(private_key: PrivateKey) -> hashes.SHA256 | None:
    """The hash with which the key signs a certificate or a request; Ed25519 needs none (RFC 8410 section 3)."""
    return None if isinstance(private_key, Ed25519PrivateKey) else hashes.SHA256()


def private_bytes(private_key: PrivateKey) -> bytes:
    """PKCS#8 in DER, not encrypted: for `keys.encryption` only."""
    return private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
