"""Certificates whose bytes can be loaded, and whose names or dates cannot be read: none gets in anywhere."""

import base64
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from formats.certificates import CertificateUnreadableError, read_certificate
from issuers.client_authorities import ca_certificates_problem, client_authorities
from relying_parties.certificates.client_certificates import why_not_issued_by
from relying_parties.jwks.client_keys import client_jwks_problem, usable_keys
from tests.support.client_keys import certificate_until, jwk_of, new_key, pem_of

END = datetime(2099, 11, 24, tzinfo=UTC)
NOW = datetime(2026, 11, 24, tzinfo=UTC)
KEY = new_key()


def of_the_year_0(certificate: x509.Certificate) -> bytes:
    """ASN.1 can write it, and no calendar here has it."""
    der = certificate.public_bytes(Encoding.DER)
    assert b"20991124" in der
    return der.replace(b"20991124", b"00001124")


def test_a_date_of_the_year_0_is_no_date() -> None:
    leaf = of_the_year_0(certificate_until(KEY, END))
    with pytest.raises(CertificateUnreadableError):
        read_certificate(leaf)
    authority = certificate_until(KEY, END, is_authority=True)
    problem = why_not_issued_by(leaf, (), (authority,), NOW)
    assert problem == "The certificate, or one that came with it, cannot be read as an X.509 certificate."


def test_an_authority_of_the_year_0_is_not_kept_and_harms_nobody() -> None:
    authority = x509.load_der_x509_certificate(of_the_year_0(certificate_until(KEY, END, is_authority=True)))
    assert ca_certificates_problem(pem_of(authority)) == "These cannot be read as certificates in PEM."
    assert client_authorities(pem_of(authority)) == ()


def test_an_authority_stands_once() -> None:
    authority = certificate_until(KEY, END, is_authority=True)
    assert ca_certificates_problem(pem_of(authority)) is None
    assert "is given twice" in str(ca_certificates_problem(pem_of(authority, authority)))


def test_a_key_with_such_a_certificate_is_refused_at_save_and_passed_over_from_afar() -> None:
    jwk = jwk_of(KEY) | {"x5c": [base64.b64encode(of_the_year_0(certificate_until(KEY, END))).decode()]}
    assert client_jwks_problem({"keys": [jwk]}) == "Key 1: Its x5c holds something that is not a certificate."
    good = jwk_of(new_key())
    assert [key.kid for key in usable_keys([jwk, good])] == [key.kid for key in usable_keys([good])]
