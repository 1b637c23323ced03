"""keys/importing/certificates.py: what a certificate authority signs, and the chain that comes back."""

import base64
from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.exceptions import ValidationError
from django.utils import timezone

from keys.encryption import KeyUnreadableError
from keys.generation import self_signed_certificate
from keys.importing.certificates import (
    attach_chain,
    certificate_request,
    certificates_of,
    chain_warnings,
    read_chain,
)
from keys.lifecycle.creation import create_first_key
from keys.lifecycle.revocation import revoke
from keys.models import SigningKey
from tests.keys.authority import Authority
from tests.support.cast import Cast
from tests.support.weak_keys import costly_key, roca_key

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.new("Example CA")


def test_a_request_names_the_issuer_and_proves_the_key(cast: Cast) -> None:
    request = x509.load_pem_x509_csr(certificate_request(cast.other_key).encode())
    assert request.is_signature_valid
    assert request.subject.rfc4514_string() == f"CN={cast.other.url}"
    assert request.public_key() == certificates_of(cast.other_key)[0].public_key()


@pytest.mark.parametrize("alg", ["EdDSA", "ES384"])
def test_every_kind_of_key_can_request(cast: Cast, alg: str) -> None:
    key = create_first_key(issuer=cast.other, alg=alg, now=timezone.now())
    assert x509.load_pem_x509_csr(certificate_request(key).encode()).is_signature_valid


def test_a_wiped_key_requests_nothing(cast: Cast) -> None:
    cast.other_key.kid, cast.other_key.encrypted_private_key = "wiped", None
    with pytest.raises(KeyUnreadableError):
        certificate_request(cast.other_key)


def test_an_issued_chain_is_taken_and_published(cast: Cast, authority: Authority) -> None:
    pem = authority.chain_for(certificate_request(cast.other_key), now=timezone.now())
    attach_chain(cast.other_key, read_chain(pem, key=cast.other_key), now=timezone.now())
    stored = SigningKey.objects.get(pk=cast.other_key.pk)
    assert stored.certificate_chain.encode() == pem
    assert stored.history.latest().certificate_chain.encode() == pem


@pytest.mark.parametrize("key", [costly_key, roca_key])
def test_a_chain_through_a_weak_key_is_refused_before_a_signature_is_checked(
    cast: Cast, authority: Authority, key: Callable[[], RSAPrivateKey]
) -> None:
    pem = authority.chain_for(certificate_request(cast.other_key), now=timezone.now())
    leaf = x509.load_pem_x509_certificates(pem)[0].public_bytes(Encoding.PEM)
    weak = self_signed_certificate(key(), common_name="weak", now=timezone.now())
    with pytest.raises(ValidationError, match="The key of the certificate CN=weak is not accepted"):
        read_chain(leaf + weak.encode(), key=cast.other_key)


def test_the_leaf_alone_is_a_chain(cast: Cast, authority: Authority) -> None:
    pem = authority.chain_for(certificate_request(cast.other_key), now=timezone.now())
    leaf = x509.load_pem_x509_certificates(pem)[0].public_bytes(Encoding.PEM)
    assert len(read_chain(leaf, key=cast.other_key)) == 1


def test_a_chain_in_the_wrong_order_is_refused(cast: Cast, authority: Authority) -> None:
    pem = authority.chain_for(certificate_request(cast.other_key), now=timezone.now())
    backwards = b"".join(
        certificate.public_bytes(Encoding.PEM)
        for certificate in reversed(x509.load_pem_x509_certificates(pem))
    )
    with pytest.raises(ValidationError, match="CN=Example CA, is of another key"):
        read_chain(backwards, key=cast.other_key)


def test_a_certificate_of_another_key_is_refused(cast: Cast, authority: Authority) -> None:
    pem = authority.chain_for(certificate_request(cast.key), now=timezone.now())
    with pytest.raises(ValidationError, match="is of another key"):
        read_chain(pem, key=cast.other_key)


def test_a_link_that_does_not_hold_is_refused(cast: Cast, authority: Authority) -> None:
    """The other authority has the name, and not the key."""
    leaf = authority.certificate_for(certificate_request(cast.other_key), now=timezone.now())
    namesake = Authority.new("Example CA")
    pem = leaf.public_bytes(Encoding.PEM) + namesake.certificate.public_bytes(Encoding.PEM)
    with pytest.raises(ValidationError, match="is not signed by the one behind it"):
        read_chain(pem, key=cast.other_key)


@pytest.mark.parametrize(
    ("pem", "why"),
    [
        (b"", "not certificates in PEM"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "not certificates in PEM"),
        (b"\xff\x00", "not certificates in PEM"),
        (b"-----BEGIN PRIVATE KEY-----\n", "send the certificates alone"),
    ],
)
def test_what_is_no_chain_is_refused(cast: Cast, pem: bytes, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        read_chain(pem, key=cast.other_key)


def test_a_chain_without_end_is_refused(cast: Cast) -> None:
    with pytest.raises(ValidationError, match="At most 10 certificates make a chain; these are 11"):
        read_chain(cast.other_key.certificate_chain.encode() * 11, key=cast.other_key)


def test_dates_are_warned_of(cast: Cast, authority: Authority) -> None:
    now = timezone.now()
    chain = [authority.certificate_for(certificate_request(cast.other_key), now=now)]
    assert chain_warnings(chain, now) == []
    (expired,) = chain_warnings(chain, now + 400 * DAY)
    (early,) = chain_warnings(chain, now - 400 * DAY)
    assert "expired on" in expired
    assert "is valid from" in early


def test_a_revoked_key_takes_no_chain(cast: Cast) -> None:
    chain, now = certificates_of(cast.other_key), timezone.now()
    revoke(cast.other_key, now=now)
    with pytest.raises(ValidationError, match="is revoked: it is no longer in the JWKS"):
        attach_chain(cast.other_key, chain, now=now)


def test_a_certificate_of_no_known_version_is_refused(cast: Cast) -> None:
    [leaf] = certificates_of(cast.other_key)
    der = leaf.public_bytes(Encoding.DER).replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x05", 1)
    pem = b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"
    with pytest.raises(ValidationError, match="not certificates in PEM"):
        read_chain(pem, key=cast.other_key)
