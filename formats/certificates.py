"""Certificates from outside: read whole, since cryptography looks at names and dates only when it is asked for them."""

from cryptography import x509

Certificates = tuple[x509.Certificate, ...]

UNREADABLE = (ValueError, TypeError, x509.InvalidVersion)
"""What cryptography raises for bytes that are not a certificate, and later for a name or date that is not valid."""


class CertificateUnreadableError(ValueError):
    """These bytes are no X.509 certificate, or hold a name or a date that cannot be read."""


def read_certificate(der: bytes) -> x509.Certificate:
    """Raises CertificateUnreadableError."""
    try:
        return _read_whole(x509.load_der_x509_certificate(der))
    except UNREADABLE as error:
        raise CertificateUnreadableError("It cannot be read as an X.509 certificate.") from error


def read_certificates(pem: str) -> Certificates:
    """Those of a text in PEM, at least one. Raises CertificateUnreadableError."""
    try:
        return tuple(map(_read_whole, x509.load_pem_x509_certificates(pem.encode())))
    except UNREADABLE as error:
        raise CertificateUnreadableError("These cannot be read as certificates in PEM.") from error


def _read_whole(certificate: x509.Certificate) -> x509.Certificate:
    for name in (certificate.subject, certificate.issuer):
        name.rfc4514_string()
    # A date of the year 0 raises here.
    if certificate.not_valid_after_utc < certificate.not_valid_before_utc:
        raise ValueError("It ends before it begins.")
    return certificate
