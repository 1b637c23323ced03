"""The certificates of those who vouch for clients of tls_client_auth (RFC 8705 section 2.1)."""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from issuers.models import Issuer


def client_authorities(issuer: Issuer) -> tuple[x509.Certificate, ...]:
    """As they stand on the issuer; none where its text holds no certificates in PEM, or one of an unknown key."""
    try:
        certificates = x509.load_pem_x509_certificates(issuer.client_ca_certificates.encode())
        return tuple(certificate for certificate in certificates if certificate.public_key())
    except (ValueError, x509.InvalidVersion, UnsupportedAlgorithm):
        return ()
