"""The authorities of an issuer, which issue the certificates of tls_client_auth (RFC 8705 section 2.1)."""

from functools import lru_cache

from cryptography import x509

from formats.certificates import Certificates, CertificateUnreadableError, read_certificates
from formats.foreign_keys import certificate_key_problem
from formats.pem import holds_private_key

MAX_AUTHORITIES = 50


@lru_cache(maxsize=1_000)
def client_authorities(pem: str) -> Certificates:
    """Of a stored text, which passed the checks of its time: certificates that today's checks refuse are left out."""
    try:
        found = read_certificates(pem)
    except CertificateUnreadableError:
        return ()
    return tuple(dict.fromkeys(certificate for certificate in found if not why_no_authority(certificate)))


def read_ca_certificates(pem: str) -> Certificates:
    """Raises ValueError, whose text is for the operator, unless these are 1 to 50 certificates of authorities."""
    if holds_private_key(pem):
        raise ValueError("This holds a private key: give the certificates alone.")
    certificates = read_certificates(pem)
    if len(certificates) > MAX_AUTHORITIES:
        raise ValueError(f"At most {MAX_AUTHORITIES} certificates; these are {len(certificates)}.")
    for certificate in certificates:
        if certificates.count(certificate) > 1:
            raise ValueError(f"The certificate {_name(certificate)} is given twice.")
        if why := why_no_authority(certificate):
            raise ValueError(f"The certificate {_name(certificate)} {why}")
    return certificates


def ca_certificates_problem(pem: str) -> str | None:
    """Why an issuer cannot have these as its authorities."""
    try:
        read_ca_certificates(pem)
    except ValueError as error:
        return str(error)
    return None


def why_no_authority(certificate: x509.Certificate) -> str | None:
    """Why it cannot issue other certificates (RFC 5280 sections 4.2.1.3 and 4.2.1.9)."""
    try:
        extensions = certificate.extensions
        constraints = extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return "says nothing of a CA (basicConstraints): give the authority's own."
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return "has extensions that cannot be read."
    if problem := certificate_key_problem(certificate):
        return f"has a key that is not accepted. {problem}"
    if not constraints.ca:
        return "is of no CA (basicConstraints): give the authority's own."
    usages = [each.value for each in extensions if isinstance(each.value, x509.KeyUsage)]
    if not all(usage.key_cert_sign for usage in usages):
        return "may not sign others (keyUsage): give the authority's own."
    return None


def _name(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or "without a name"
