"""The console's pages for a key that lives in a PKCS#11 token, and for one whose token is away."""

import pytest
from cryptography import x509
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from keys.models import SigningKey
from keys.pkcs11 import token as pkcs11_token
from tests.console.forms import act
from tests.keys.issuer_in_token import IssuerInToken, issuer_in_token
from tests.keys.softhsm import SoftHsm
from tests.support.cast import Cast


@pytest.fixture
def vault(cast: Cast, softhsm: SoftHsm) -> IssuerInToken:
    return issuer_in_token()


@pytest.fixture
def superuser(cast: Cast) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def page(key: SigningKey, act: str) -> str:
    return reverse(f"admin:keys_signingkey_{act}", args=[key.pk])


def test_its_page_says_where_it_lives(vault: IssuerInToken, superuser: Client) -> None:
    assert (
        f"In the token, {vault.key.pkcs11_uri}" in superuser.get(page(vault.key, "change")).content.decode()
    )


def test_it_signs_a_certificate_request(vault: IssuerInToken, superuser: Client) -> None:
    request = x509.load_pem_x509_csr(superuser.get(page(vault.key, "request")).content)
    assert request.is_signature_valid
    assert request.subject.rfc4514_string() == f"CN={vault.issuer.url}"


def test_it_is_rotated_and_revoked_by_hand(vault: IssuerInToken, superuser: Client) -> None:
    superuser.post(page(vault.key, "rotate"))
    successor = SigningKey.objects.get(predecessor=vault.key)
    act(superuser, page(vault.key, "revoke"), {"word": "revoke"})
    assert vault.ask().header["kid"] == successor.kid


@pytest.mark.parametrize("act", ["request", "rotate"])
def test_a_token_that_is_away_is_reported(
    vault: IssuerInToken, softhsm: SoftHsm, superuser: Client, act: str
) -> None:
    pkcs11_token.close()
    with softhsm.away():
        send = superuser.get if act == "request" else superuser.post
        response = send(page(vault.key, act), follow=True)
    assert "The token idp does not work" in response.content.decode()
    assert not SigningKey.objects.filter(predecessor=vault.key).exists()
