"""The console at a host name and port of its own, which a proxy passes on without the port."""

import re
from pathlib import Path

import pytest
import requests
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests.support.cast import Cast
from tests.support.server import Server, serve, with_static_files

PASSWORD = "correct horse battery"
CONSOLE = "http://localhost:9443"
TRUSTED = "<code>http://127.0.0.1:8000</code>"


def sign_in(server: Server, *, origin: str, host: str = "localhost") -> requests.Response:
    """As a browser does that opened the console at the origin, through a proxy that passes `Host $host` on."""
    with requests.Session() as browser:
        page = browser.get(f"{server.url}/admin/login/", headers={"Host": host}, timeout=10)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token is not None, page.text
        form = {"username": "somebody", "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
        headers = {"Host": host, "Origin": origin, "Referer": f"{origin}/admin/login/"}
        return browser.post(
            f"{server.url}/admin/login/", data=form, headers=headers, timeout=10, allow_redirects=False
        )


@pytest.mark.slow
def test_the_console_works_under_an_origin_of_its_own(cast: Cast, tmp_path: Path) -> None:
    # The server knows no hasher of the tests.
    hashed = PBKDF2PasswordHasher().encode(PASSWORD, "salt", iterations=1000)
    User.objects.create(username="somebody", password=hashed, is_staff=True, is_superuser=True)
    files = with_static_files(tmp_path)
    with serve(tmp_path, 1, files | {"CONSOLE_URL": CONSOLE}) as server:
        assert sign_in(server, origin=CONSOLE).status_code == 302
        assert sign_in(server, origin="http://localhost:9444").status_code == 403
        metadata = server.get("/oidc_m2m/.well-known/openid-configuration").json()
        assert metadata["issuer"].startswith("http://127.0.0.1:")
    with serve(tmp_path, 1, files) as server:
        refused = sign_in(server, origin=CONSOLE)
        assert refused.status_code == 403
        assert f"The browser sent it from <code>{CONSOLE}</code>" in refused.text


def test_a_form_of_another_origin_is_answered_with_which_one_and_what_to_set(db: None) -> None:
    sent = {"username": "somebody", "password": PASSWORD}
    browser = Client(enforce_csrf_checks=True)
    answer = browser.post(reverse("admin:login"), sent, headers={"origin": "https://console.example:8443"})
    text = " ".join(answer.content.decode().split())
    assert answer.status_code == 403
    assert "The browser sent it from <code>https://console.example:8443</code>" in text
    assert f"It trusts {TRUSTED}." in text
    assert "<code>CONSOLE_URL</code>" in text


def test_an_origin_is_shown_as_text_and_cut(db: None) -> None:
    browser = Client(enforce_csrf_checks=True)
    origin = "https://<b>" + 300 * "x"
    answer = browser.post(reverse("admin:login"), {}, headers={"origin": origin})
    assert f"<code>https://&lt;b&gt;{189 * 'x'}</code>" in answer.content.decode()


def test_a_form_without_its_protection_is_not_blamed_on_an_origin(db: None) -> None:
    browser = Client(enforce_csrf_checks=True)
    answer = browser.post(reverse("admin:login"), {})
    assert answer.status_code == 403
    assert "Open the page again and repeat the step." in answer.content.decode()
    assert "CONSOLE_URL" not in answer.content.decode()
