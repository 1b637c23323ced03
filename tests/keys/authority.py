"""A certificate authority, as an operator's company has one."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import Encoding
from django.utils import timezone

from keys.generation import self_signed_certificate

LIFE = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Authority:
    key: EllipticCurvePrivateKey = field(repr=False)
    certificate: x509.Certificate

    @classmethod
    def new(cls, name: str) -> "Authority":
        key = generate_private_key(SECP256R1())
        pem = self_signed_certificate(key, common_name=name, now=timezone.now())
        return cls(key=key, certificate=x509.load_pem_x509_certificate(pem.encode()))

    def certificate_for(self, request_pem: str, *, now: datetime) -> x509.Certificate:
        """What a PKCS#10 request asks for, valid for a year."""
        request = x509.load_pem_x509_csr(request_pem.encode())
        return (
            x509.CertificateBuilder()
            .subject_name(request.subject)
            .issuer_name(self.certificate.subject)
            .public_key(request.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + LIFE)
            .sign(self.key, hashes.SHA256())
        )

    def chain_for(self, request_pem: str, *, now: datetime) -> bytes:
        """In PEM, leaf first."""
        chain = (self.certificate_for(request_pem, now=now), self.certificate)
        return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in chain)
