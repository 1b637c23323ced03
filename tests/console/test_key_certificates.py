"""A key's certificate: downloaded, requested, and replaced by what an authority issued."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from keys.importing.certificates import certificate_request
from keys.lifecycle.revocation import revoke
from keys.models import SigningKey
from tests.console.forms import act
from tests.console.pages import body_of, url
from tests.keys.authority import Authority
from tests.support.cast import Cast
from tests.support.wire import get


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.new("Example CA")


@pytest.fixture
def key(cast: Cast) -> SigningKey:
    return cast.other_key


@pytest.fixture
def issued(authority: Authority, key: SigningKey) -> str:
    """A chain for the key, in PEM."""
    return authority.chain_for(certificate_request(key), now=timezone.now()).decode()


def chain_of(key: SigningKey) -> str:
    return SigningKey.objects.get(pk=key.pk).certificate_chain


def attach(client: Client, key: SigningKey, **form: Any) -> Any:
    return act(client, url(SigningKey, "chain", key.pk), form, follow=True)


def test_an_auditor_downloads_the_certificate(key: SigningKey, auditor: Client) -> None:
    response = auditor.get(url(SigningKey, "certificate", key.pk))
    assert response.headers["Content-Type"] == "application/x-pem-file"
    assert response.headers["Content-Disposition"] == f'attachment; filename="ES256-{key.kid}.pem"'
    assert response.content.decode() == key.certificate_chain


def test_a_kid_from_outside_makes_no_header(key: SigningKey, auditor: Client) -> None:
    SigningKey.objects.filter(pk=key.pk).update(kid='a"; filename=x.exe\\../é')
    disposition = auditor.get(url(SigningKey, "certificate", key.pk)).headers["Content-Disposition"]
    assert disposition == 'attachment; filename="ES256-a___filename_x_exe_____.pem"'


def test_an_operator_downloads_a_request_for_the_authority(
    cast: Cast, key: SigningKey, operator: Client
) -> None:
    response = operator.get(url(SigningKey, "request", key.pk))
    request = x509.load_pem_x509_csr(response.content)
    assert response.headers["Content-Disposition"] == f'attachment; filename="ES256-{key.kid}.csr"'
    assert request.is_signature_valid
    assert request.subject.rfc4514_string() == f"CN={cast.other.url}"


@pytest.mark.parametrize("way", ["pasted", "as a file"])
def test_an_issued_chain_is_attached_and_published(
    key: SigningKey, issued: str, operator: Client, way: str
) -> None:
    form: dict[str, Any] = (
        {"pem": issued} if way == "pasted" else {"file": SimpleUploadedFile("chain.pem", issued.encode())}
    )
    response = attach(operator, key, **form)
    assert "The certificate chain of the key" in response.content.decode()
    (jwk,) = get("/other/jwks").json["keys"]
    assert len(jwk["x5c"]) == 2
    assert chain_of(key) == issued
    assert key.history.latest().history_user_id == "olga"
    assert LogEntry.objects.get().user.username == "olga"


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ({}, "or paste the certificates: one of the two"),
        ({"pem": "nonsense"}, "no certificate in PEM"),
        ({"pem": "{chain}" + 70_000 * "x"}, "at most 65536 characters"),
        ({"file": b"x" * 70_000}, "The file has more than 64 kB."),
        ({"file": b"x", "pem": "{chain}"}, "or paste the certificates: one of the two"),
        ({"file": b"\xff\xfe"}, "not certificates in PEM"),
        ({"file": b"-----BEGIN PRIVATE KEY-----"}, "send the certificates alone"),
    ],
)
def test_what_is_no_chain_leaves_the_old_one(
    key: SigningKey, operator: Client, form: dict[str, Any], why: str
) -> None:
    files = {name: SimpleUploadedFile("f", value) for name, value in form.items() if isinstance(value, bytes)}
    texts = {
        name: value.replace("{chain}", key.certificate_chain)
        for name, value in form.items()
        if isinstance(value, str)
    }
    response = attach(operator, key, **texts | files)
    assert why in response.content.decode()
    assert chain_of(key) == key.certificate_chain
    assert not LogEntry.objects.exists()


def test_the_chain_of_another_key_is_refused(
    cast: Cast, key: SigningKey, issued: str, operator: Client
) -> None:
    response = attach(operator, cast.key, pem=issued)
    assert "is of another key" in response.content.decode()
    assert chain_of(cast.key) == cast.key.certificate_chain


def test_an_expired_certificate_is_attached_with_a_warning(
    authority: Authority, key: SigningKey, operator: Client
) -> None:
    long_ago = timezone.now() - timedelta(days=500)
    issued = authority.chain_for(certificate_request(key), now=long_ago).decode()
    response = attach(operator, key, pem=issued)
    assert "expired on" in response.content.decode()
    assert chain_of(key) == issued


def test_the_page_shows_the_chain_and_changes_nothing(key: SigningKey, operator: Client) -> None:
    assert "self-signed" in body_of(operator, url(SigningKey, "chain", key.pk))
    assert not LogEntry.objects.exists()


def test_a_revoked_key_gets_no_chain(key: SigningKey, issued: str, operator: Client) -> None:
    revoke(key, now=timezone.now())
    response = attach(operator, key, pem=issued)
    assert "it is no longer in the JWKS" in response.content.decode()
    assert chain_of(key) == key.certificate_chain
