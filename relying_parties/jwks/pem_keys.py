"""Public keys in the forms that people have, as a JWK Set: PEM of keys and certificates (RFC 7468), or a single JWK."""

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_public_key

from formats.certificates import CertificateUnreadableError, read_certificates
from formats.foreign_keys import KINDS, key_problem
from formats.pem import holds_private_key
from formats.thumbprints import thumbprint
from relying_parties.jwks.client_keys import MAX_KEYS, KeyRefusedError, public_members

BEGIN = "-----BEGIN "
BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
CERTIFICATE = "CERTIFICATE"
MAX_BLOCKS = 5 * MAX_KEYS
"""Keys, and the certificates of each."""
PUBLIC_KEYS = frozenset({"PUBLIC KEY", "RSA PUBLIC KEY"})


def is_pem(text: str) -> bool:
    return BEGIN in text


def as_jwk_set(value: Any) -> Any:
    """A single JWK as a JWK Set; any other value as it is."""
    return (
        {"keys": [value]} if isinstance(value, Mapping) and "kty" in value and "keys" not in value else value
    )


def jwk_set_of_pem(text: str) -> dict[str, Any]:
    """The kid of each key is its RFC 7638 thumbprint. A certificate brings its key, and is in its x5c.

    A certificate whose subject issued none of the others begins a key; its issuers in the text follow it in x5c. Raises
    KeyRefusedError.
    """
    if holds_private_key(text):
        raise KeyRefusedError("This holds a private key: give the public half, and replace the key.")
    if text.count(BEGIN) > MAX_BLOCKS:
        raise KeyRefusedError(f"The PEM holds {text.count(BEGIN)} parts; at most {MAX_BLOCKS} are taken.")
    blocks = [(match[1], match[0]) for match in BLOCK.finditer(text)]
    if other := next((kind for kind, _ in blocks if kind not in {CERTIFICATE, *PUBLIC_KEYS}), None):
        raise KeyRefusedError(f"The PEM holds a {other}; give public keys (PUBLIC KEY) or certificates.")
    if not blocks:
        raise KeyRefusedError("The PEM is cut off: give it whole, from -----BEGIN to -----END.")
    keys = {jwk["kid"]: jwk for jwk in _of_public_keys(pem for kind, pem in blocks if kind != CERTIFICATE)}
    certificates = _certificates(pem for kind, pem in blocks if kind == CERTIFICATE)
    # A key whose certificate is in the text too gets its x5c.
    return {"keys": list((keys | {jwk["kid"]: jwk for jwk in _of_chains(certificates)}).values())}


def _of_public_keys(blocks: Iterator[str]) -> Iterator[dict[str, Any]]:
    for pem in blocks:
        try:
            yield _jwk_of(load_pem_public_key(pem.encode()))
        except (ValueError, UnsupportedAlgorithm) as error:
            raise KeyRefusedError("A public key in the PEM is damaged.") from error


def _certificates(blocks: Iterator[str]) -> list[x509.Certificate]:
    try:
        return [certificate for pem in blocks for certificate in read_certificates(pem)]
    except CertificateUnreadableError as error:
        raise KeyRefusedError("A certificate in the PEM is damaged.") from error


def _of_chains(certificates: list[x509.Certificate]) -> Iterator[dict[str, Any]]:
    """A key for each certificate that issued no other one here."""
    issuers = {
        certificate.issuer for certificate in certificates if certificate.issuer != certificate.subject
    }
    for leaf in certificates:
        if leaf.subject in issuers:
            continue
        try:
            key = leaf.public_key()
        except (ValueError, UnsupportedAlgorithm) as error:
            raise KeyRefusedError(KINDS) from error
        yield _jwk_of(key) | {"x5c": [_in_x5c(each) for each in _chain(leaf, certificates)]}


def _chain(leaf: x509.Certificate, certificates: list[x509.Certificate]) -> list[x509.Certificate]:
    by_subject = {certificate.subject: certificate for certificate in certificates}
    chain = [leaf]
    while (issuer := by_subject.get(chain[-1].issuer)) and issuer not in chain:
        chain.append(issuer)
    return chain


def _in_x5c(certificate: x509.Certificate) -> str:
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()


def _jwk_of(key: object) -> dict[str, Any]:
    """Its members, and its thumbprint for a kid. Raises KeyRefusedError."""
    if problem := key_problem(key):
        raise KeyRefusedError(problem)
    jwk = public_members(key)
    return jwk | {"kid": thumbprint(jwk)}
