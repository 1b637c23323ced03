"""What the extensions of a client's certificate, and of the authorities above it, must say (RFC 5280 section 4.2).

Less strict than the rules for the web, which private authorities seldom follow: SAN and key identifiers are not
required, and without keyUsage everything is allowed. The search for a path refuses a critical extension that is
unknown, and an authority whose basicConstraints say that it is not one.
"""

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, Policy


def _require_client_auth(
    _policy: Policy, _certificate: x509.Certificate, usage: x509.ExtendedKeyUsage | None
) -> None:
    if usage is None:
        raise ValueError("it has no extended key usage, which must be clientAuth")
    if ExtendedKeyUsageOID.CLIENT_AUTH not in usage:
        raise ValueError("the extended key usage is not clientAuth")


def _require_digital_signature(
    _policy: Policy, _certificate: x509.Certificate, usage: x509.KeyUsage | None
) -> None:
    if usage is not None and not usage.digital_signature:
        raise ValueError("the key usage is not digitalSignature")


def _refuse_authority(
    _policy: Policy, _certificate: x509.Certificate, constraints: x509.BasicConstraints | None
) -> None:
    if constraints is not None and constraints.ca:
        raise ValueError("it is the certificate of a CA, not of a client")


def _require_certificate_signing(
    _policy: Policy, _certificate: x509.Certificate, usage: x509.KeyUsage | None
) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("the key usage of a CA is not keyCertSign")


def _allow_client_auth(
    _policy: Policy, _certificate: x509.Certificate, usage: x509.ExtendedKeyUsage | None
) -> None:
    allowed = {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if usage is not None and allowed.isdisjoint(usage):
        raise ValueError("the extended key usage of a CA does not allow clientAuth")


CLIENTS = (
    ExtensionPolicy.permit_all()
    .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _require_client_auth)
    .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _require_digital_signature)
    .may_be_present(x509.BasicConstraints, Criticality.AGNOSTIC, _refuse_authority)
)
AUTHORITIES = (
    ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
    .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _require_certificate_signing)
    .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _allow_client_auth)
)
