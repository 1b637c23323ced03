"""Public keys as JWK (RFC 7517, 7518, 8037)."""

import base64
import hashlib
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from jwt import PyJWK
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from formats.thumbprints import REQUIRED_MEMBERS, base64url

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey


def public_jwk(key: PublicKey) -> dict[str, str]:
    """The members that define the key, and no others."""
    if isinstance(key, RSAPublicKey):
        members = RSAAlgorithm.to_jwk(key, as_dict=True)
    elif isinstance(key, EllipticCurvePublicKey):
        members = ECAlgorithm.to_jwk(key, as_dict=True)
    else:
        members = OKPAlgorithm.to_jwk(key, as_dict=True)
    return {name: members[name] for name in REQUIRED_MEMBERS[members["kty"]]}


def public_key(jwk: dict[str, Any]) -> PublicKey:
    """The key that a JWK of this server describes."""
    key: PublicKey = PyJWK(jwk).key
    return key


def certificate_members(chain_pem: str) -> dict[str, Any]:
    """`x5c`, `x5t` and `x5t#S256` of a chain in PEM, leaf first (RFC 7517 sections 4.7 to 4.9)."""
    chain = [
        certificate.public_bytes(Encoding.DER)
        for certificate in x509.load_pem_x509_certificates(chain_pem.encode())
    ]
    return {
        "x5c": [base64.b64encode(der).decode() for der in chain],
        "x5t": base64url(hashlib.sha1(chain[0], usedforsecurity=False).digest()),
        "x5t#S256": base64url(hashlib.sha256(chain[0]).digest()),
    }
