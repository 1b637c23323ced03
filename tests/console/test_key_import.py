"""A key from outside, taken over in the console: it signs, its passwords are nowhere, what is wrong is said."""

import io
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import timezone

from console.models import ConsoleSession
from issuers.models import Issuer
from keys.generation import PrivateKey, generate_private_key, self_signed_certificate
from keys.models import SigningKey
from keys.schedule import KeyState
from tests.console.pages import body_of, url
from tests.support.cast import Cast
from tests.support.wire import get

PASSWORD = "a password that is looked for"


@pytest.fixture(scope="module")
def foreign() -> PrivateKey:
    return generate_private_key("ES384")


@pytest.fixture(scope="module")
def store(foreign: PrivateKey) -> bytes:
    pem = self_signed_certificate(foreign, common_name="old idp", now=timezone.now())
    certificate = x509.load_pem_x509_certificate(pem.encode())
    encryption = BestAvailableEncryption(PASSWORD.encode())
    return pkcs12.serialize_key_and_certificates(b"signing", foreign, certificate, None, encryption)


@pytest.fixture
def page(cast: Cast) -> str:
    return url(Issuer, "import_key", cast.oidc_m2m.pk)


def pem_of(key: PrivateKey, password: str = "") -> bytes:
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def send(client: Client, page: str, content: bytes, **form: str) -> Any:
    file = SimpleUploadedFile("key", content)
    return client.post(page, {"file": file, "alg": "ES384", **form}, follow=True)


def imported() -> SigningKey | None:
    return SigningKey.objects.filter(alg="ES384").first()


def test_a_pkcs12_store_is_taken_over_under_its_kid(page: str, store: bytes, operator: Client) -> None:
    response = send(operator, page, store, store_password=PASSWORD, alias="signing", kid="as-published")
    assert "The key as-published is imported and signs from now on." in response.content.decode()
    assert "as-published" in {jwk["kid"] for jwk in get("/oidc_m2m/jwks").json["keys"]}
    key = SigningKey.objects.get(kid="as-published")
    assert key.history.get().history_user_id == "olga"
    assert LogEntry.objects.get(object_id=key.pk).get_change_message() == "Imported."


@pytest.mark.parametrize("password", ["", PASSWORD])
def test_a_pem_file_is_taken_over(page: str, foreign: PrivateKey, operator: Client, password: str) -> None:
    send(operator, page, pem_of(foreign, password), key_password=password)
    key = imported()
    assert key is not None
    assert key.state() == KeyState.ACTIVE


def test_a_further_key_is_announced(cast: Cast, operator: Client) -> None:
    page = url(Issuer, "import_key", cast.other.pk)
    response = send(operator, page, pem_of(generate_private_key("ES256")), alg="ES256", kid="next")
    assert "The key next is imported and announced: it signs from" in response.content.decode()
    assert SigningKey.objects.get(kid="next").predecessor == cast.other_key


@pytest.mark.contract("P10.2", "P10.3")
def test_its_passwords_are_nowhere(page: str, store: bytes, operator: Client, log_lines: io.StringIO) -> None:
    bodies = [
        send(operator, page, store, store_password=PASSWORD, key_password="another one").content,
        send(operator, page, store, store_password=PASSWORD, alias="wrong").content,
        send(operator, page, store, store_password=PASSWORD).content,
    ]
    assert imported() is not None
    assert not [body for body in bodies if PASSWORD in body.decode() or "another one" in body.decode()]
    assert PASSWORD not in log_lines.getvalue()
    assert not [table for table in connection.introspection.table_names() if PASSWORD in dump(table)]
    assert PASSWORD not in str([session.get_decoded() for session in ConsoleSession.objects.all()])


@pytest.mark.parametrize(
    ("content", "form", "why"),
    [
        (None, {"store_password": "wrong"}, "its password is wrong"),
        (None, {"store_password": PASSWORD, "alias": "other"}, "alias other"),
        (None, {"store_password": PASSWORD, "alg": "RS256"}, "signs with ES384, not with RS256"),
        (None, {"store_password": PASSWORD, "alg": "none"}, "Select a valid choice"),
        (None, {"store_password": PASSWORD, "kid": "k" * 129}, "at most 128 characters"),
        (b"\xfe\xed\xfe\xed....", {}, "keytool -importkeystore -srckeystore"),
        (b"-----BEGIN nonsense", {}, "The file is PEM without a private key: choose the file that holds"),
        (b"nonsense", {}, "The file is neither PKCS#12, PEM, DER nor a JWK: choose the file that holds"),
        (b"", {}, "The submitted file is empty."),
        (b"x" * 70_000, {}, "The file has more than 64 kB."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_taken(
    page: str, store: bytes, operator: Client, content: bytes | None, form: dict[str, str], why: str
) -> None:
    response = send(operator, page, store if content is None else content, **form)
    assert why in response.content.decode()
    assert imported() is None
    assert not LogEntry.objects.exists()


def test_a_form_without_a_file_is_said_to_be(page: str, operator: Client) -> None:
    response = operator.post(page, {"alg": "ES384"})
    assert "Choose a file of at most 64 kB." in response.content.decode()


def test_a_file_that_does_not_fit_in_memory_reaches_no_disk(page: str, operator: Client) -> None:
    response = send(operator, page, bytes(3_000_000))
    assert response.wsgi_request.FILES == {}
    assert "Choose a file of at most 64 kB." in response.content.decode()


def test_a_key_is_imported_once(page: str, store: bytes, operator: Client, superuser: Client) -> None:
    send(operator, page, store, store_password=PASSWORD)
    response = send(superuser, page, store, store_password=PASSWORD)
    assert "This key is here already" in response.content.decode()
    assert SigningKey.objects.filter(alg="ES384").count() == 1


def test_an_expired_certificate_is_warned_of(page: str, foreign: PrivateKey, operator: Client) -> None:
    long_ago = timezone.now().replace(year=2000)
    expired = self_signed_certificate(foreign, common_name="old idp", now=long_ago)
    response = send(operator, page, pem_of(foreign) + expired.encode())
    assert "The certificate CN=old idp expired on 20" in response.content.decode()
    assert imported() is not None


def test_the_form_shows_and_keeps_no_password(page: str, operator: Client) -> None:
    body = body_of(operator, page)
    assert body.count('type="password"') == 2
    assert body.count('autocomplete="new-password"') == 2
    assert 'enctype="multipart/form-data"' in body


def dump(table: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608
        return str(cursor.fetchall())
