"""Certificates by which clients prove themselves (RFC 8705 section 2): of an authority, or registered one by one.

Whatever TLS or a proxy found, the certificate is verified here against the issuer's own authorities.
"""

import hashlib
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from formats.certificates import (
    CertificateUnreadableError,
    read_certificate,
)
from relying_parties.certificates.policy import AUTHORITIES, CLIENTS
from relying_parties.certificates.sent_chain import (
    MAX_INTERMEDIATES,
    intermediates_of,
    why_too_costly,
    why_weak,
)
from relying_parties.certificates.subjects import NAMES_UNREADABLE

MAX_PATH_LENGTH = 8
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
    sent = tuple(dict.fromkeys((certificate, *chain)))
    if len(sent) > 1 + MAX_INTERMEDIATES:
        return f"With the certificate came {len(sent) - 1} others; at most {MAX_INTERMEDIATES} are accepted."
    try:
        leaf, *others = map(read_certificate, sent)
    except CertificateUnreadableError:
        return "The certificate, or one that came with it, cannot be read as an X.509 certificate."
    if problem := why_not_in_time(leaf, now) or why_weak(leaf, others):
        return problem
    return _why_no_path(leaf, intermediates_of(others, now), anchors, now)


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


def _why_no_path(
    leaf: x509.Certificate,
    intermediates: Sequence[x509.Certificate],
    anchors: Sequence[x509.Certificate],
    now: datetime,
) -> str | None:
    verifier = (
        PolicyBuilder()
        .store(Store(list(anchors)))
        .time(now.astimezone(UTC).replace(tzinfo=None))
        .max_chain_depth(MAX_PATH_LENGTH)
        .extension_policies(ca_policy=AUTHORITIES, ee_policy=CLIENTS)
        .build_client_verifier()
    )
    try:
        if problem := why_too_costly(leaf, intermediates):
            return problem
        verifier.verify(leaf, list(intermediates))
    except (VerificationError, *NAMES_UNREADABLE) as error:
        return f"The certificate does not lead to a CA of the issuer: {_in_words(error, leaf)}."
    return None


def _in_words(error: Exception, leaf: x509.Certificate) -> str:
    """The last reason in the search for a path, without the errors that led to it."""
    reason = str(error).partition(" (encountered processing")[0].partition("\n")[0]
    if reason.endswith("no interior errors"):
        return f"its issuer {leaf.issuer.rfc4514_string()} is not among them, and no intermediate was sent with it"
    for road in (
        "validation failed: ",
        "candidates exhausted: ",
        "Python extension validator failed: ValueError: ",
    ):
        reason = reason.removeprefix(road)
    return reason
