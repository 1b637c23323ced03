"""Certificates by which clients prove themselves (RFC 8705 section 2): of an authority, or registered one by one.

Whatever TLS or a proxy made of a certificate, it is verified here against the issuer's own authorities.
"""

import hashlib
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from issuers.certificates import (
    CertificateUnreadableError,
    read_certificate,
)
from relying_parties.certificate_policy import AUTHORITIES, CLIENTS
from relying_parties.certificate_subjects import NAMES_UNREADABLE

SHORTEST_RSA_KEY = 2048
LONGEST_CHAIN = 8
"""Intermediates between a client's certificate and an authority."""


def why_not_issued_by(
    certificate: bytes, chain: Sequence[bytes], anchors: Sequence[x509.Certificate], now: datetime
) -> str | None:
    """Why the client's certificate, in DER, does not lead to one of the anchors through the certificates of `chain`.

    RFC 5280 section 6: signatures, dates, path lengths, name constraints. An anchor may be an intermediate. The
    certificate must say that it is for clients (clientAuth); one that says nothing, or anyExtendedKeyUsage alone, was
    made for something else.
    """
    if not anchors:
        return "The issuer has no client CA certificates: add those of the authority that issued this certificate."
    try:
        leaf, *intermediates = map(read_certificate, (certificate, *chain))
    except CertificateUnreadableError:
        return "The certificate, or one that came with it, is no X.509 certificate that can be read."
    return why_not_in_time(leaf, now) or _why_weak(leaf) or _why_no_path(leaf, intermediates, anchors, now)


def why_not_registered(certificate: bytes, registered: Collection[bytes], now: datetime) -> str | None:
    """Why a self-signed certificate, in DER, is not one of those registered (RFC 8705 section 2.2): byte by byte."""
    if certificate not in registered:
        return f"The certificate with SHA-256 {hashlib.sha256(certificate).hexdigest()} is not registered."
    return why_not_in_time(read_certificate(certificate), now)


def why_not_in_time(certificate: x509.Certificate, now: datetime) -> str | None:
    if now < certificate.not_valid_before_utc:
        return f"The certificate is valid from {certificate.not_valid_before_utc:%Y-%m-%d %H:%M:%S} UTC only."
    if now > certificate.not_valid_after_utc:
        return (
            f"The certificate expired at {certificate.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC: replace it."
        )
    return None


def _why_weak(certificate: x509.Certificate) -> str | None:
    """The search for a path looks at the keys of authorities alone."""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        key = None
    is_long = isinstance(key, RSAPublicKey) and key.key_size >= SHORTEST_RSA_KEY
    if is_long or isinstance(key, Ed25519PublicKey | EllipticCurvePublicKey):
        return None
    return f"The certificate's key is none of RSA from {SHORTEST_RSA_KEY} bits, of an elliptic curve, or Ed25519."


def _why_no_path(
    leaf: x509.Certificate,
    intermediates: list[x509.Certificate],
    anchors: Sequence[x509.Certificate],
    now: datetime,
) -> str | None:
    verifier = (
        PolicyBuilder()
        .store(Store(list(anchors)))
        .time(now.astimezone(UTC).replace(tzinfo=None))
        .max_chain_depth(LONGEST_CHAIN)
        .extension_policies(ca_policy=AUTHORITIES, ee_policy=CLIENTS)
        .build_client_verifier()
    )
    try:
        verifier.verify(leaf, intermediates)
    except (VerificationError, *NAMES_UNREADABLE) as error:
        return f"The certificate does not lead to a CA of the issuer: {_in_words(error, leaf)}."
    return None


def _in_words(error: Exception, leaf: x509.Certificate) -> str:
    """What the search for a path met last, without how it came there."""
    reason = str(error).partition(" (encountered processing")[0].partition("\n")[0]
    if reason.endswith("no interior errors"):
        return f"its issuer {leaf.issuer.rfc4514_string()} is none of them, and did not come with it"
    for road in (
        "validation failed: ",
        "candidates exhausted: ",
        "Python extension validator failed: ValueError: ",
    ):
        reason = reason.removeprefix(road)
    return reason
