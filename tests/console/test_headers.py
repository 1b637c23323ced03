"""P10.5: what every answer of the console carries, and that no page needs what its policy forbids."""

import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from console.site.middleware import POLICY, Console
from tests.console.pages import all_urls, body_of, fill_every_table
from tests.support.cast import Cast
from tests.support.wire import ask, get

PRODUCTION = {
    "PUBLIC_URL": "https://idp.example.com",
    "SECRET_KEY": "fifty-characters-of-which-none-is-like-the-next-0123456789",
    "KEY_ENCRYPTION_KEYS": f"k1:{'A' * 43}=",
    "SECRET_PEPPERS": f"p1:{'B' * 43}=",
}

pytestmark = pytest.mark.contract("P10.5")


class InlineCode(HTMLParser):
    """Collects what a policy without 'unsafe-inline' would block."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "style" or (tag == "script" and "src" not in values):
            self.found.append(f"<{tag}>")
        self.found += [f"{tag} {name}" for name in values if name == "style" or name.startswith("on")]
        self.found += [
            f"{tag} {value}" for value in values.values() if (value or "").startswith("javascript:")
        ]


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere() -> None:
    assert POLICY.startswith("default-src 'self'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in POLICY
    assert "frame-ancestors 'none'" in POLICY


@pytest.mark.slow
def test_every_page_carries_the_policy(cast: Cast, superuser: Client) -> None:
    fill_every_table(cast)
    for page in [*all_urls(cast), "/admin/login/", "/admin/nonsense/", "/admin/jsi18n/"]:
        headers = superuser.get(page).headers
        assert headers["Content-Security-Policy"] == POLICY, page
        assert headers["X-Frame-Options"] == "DENY", page
        assert headers["X-Content-Type-Options"] == "nosniff", page
        assert headers["Cache-Control"] == "no-store", page


@pytest.mark.slow
def test_no_page_holds_inline_code(cast: Cast, superuser: Client, auditor: Client) -> None:
    fill_every_table(cast)
    for client in (superuser, auditor):
        for page in [*all_urls(cast), "/admin/nonsense/"]:
            parser = InlineCode()
            parser.feed(body_of(client, page))
            assert parser.found == [], page


@pytest.mark.parametrize("path", ["/oidc_m2m/token", "/administration", "/oidc_m2m/admin/", "/livez"])
def test_its_middleware_is_not_there_for_another_path(path: str) -> None:
    seen: dict[str, Any] = {}

    def view(request: HttpRequest) -> HttpResponse:
        seen.update(vars(request), META=dict(request.META))
        return HttpResponse()

    request = RequestFactory().post(path, headers={"host": "elsewhere.example"})
    before = {**vars(request), "META": dict(request.META)}
    middleware = Console(view)
    response = middleware(request)
    assert seen == before
    assert response.headers == HttpResponse().headers
    assert middleware.process_view(request, view, (), {}) is None


def test_the_answers_of_the_protocol_carry_nothing_of_the_console(cast: Cast) -> None:
    answer = ask(auth=cast.basic("billing"), headers=[("Cookie", f"session={'x' * 32}")])
    for headers in (answer.headers, get("/oidc_m2m/jwks").headers):
        assert not {"Set-Cookie", "Content-Security-Policy", "Vary", "X-Frame-Options"} & headers.keys()


def test_admin_without_its_slash_leads_to_the_console() -> None:
    assert Client().get("/admin").headers["Location"] == "/admin/"


def test_the_cookies_of_the_console_cannot_be_read_by_scripts(cast: Cast) -> None:
    User.objects.create_superuser("root", password="long enough to log in")
    client = Client()
    client.post("/admin/login/", {"username": "root", "password": "long enough to log in"})
    cookies = [client.cookies[name] for name in (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME)]
    assert [(cookie["httponly"], cookie["samesite"]) for cookie in cookies] == [(True, "Lax")] * 2


@pytest.mark.slow
def test_https_is_pinned_for_this_host_and_promised_for_no_whole_domain(tmp_path: Path) -> None:
    told = (
        "from django.test import Client; "
        "page = Client().get('/admin/', secure=True, headers={'host': 'localhost'}); "
        "print(page.headers['Strict-Transport-Security'])"
    )
    run = manage("shell", "-v0", "-c", told, var_dir=tmp_path)
    assert run.stdout == "max-age=31536000; includeSubDomains\n"


@pytest.mark.slow
def test_check_deploy_is_clean_in_production(tmp_path: Path) -> None:
    assert "console.W001" in manage("check", "--deploy", var_dir=tmp_path).stderr
    manage("collectstatic", "--no-input", var_dir=tmp_path)
    run = manage("check", "--deploy", "--fail-level", "WARNING", var_dir=tmp_path)
    assert run.returncode == 0, run.stderr


@pytest.mark.slow
def test_cookies_are_secure_in_production(tmp_path: Path) -> None:
    names = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SESSION_COOKIE_NAME")
    told = f"from django.conf import settings; print(*(getattr(settings, name) for name in {names}))"
    run = manage("shell", "-v0", "-c", told, var_dir=tmp_path)
    assert run.stdout.split() == ["True", "True", "__Host-session"]


@pytest.mark.slow
@pytest.mark.parametrize("surface", ["all", "admin", "protocol"])
def test_every_surface_passes_its_checks(tmp_path: Path, surface: str) -> None:
    run = manage("check", "--fail-level", "WARNING", var_dir=tmp_path, IDP_SURFACE=surface)
    assert run.returncode == 0, run.stderr


def manage(*arguments: str, var_dir: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "VAR_DIR": str(var_dir), **PRODUCTION, **variables}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(
        command, env=environment, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False
    )
