"""Logging in: guesses are counted, and one password is checked at a time."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from console import login
from console.login import MOST_FAILURES
from issuance.shared_counts import SharedCounts
from tests.server import free_port

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _somebody(db: None) -> None:
    User.objects.create_superuser("somebody", password=PASSWORD)


def try_password(password: str, *, address: str = "192.0.2.7") -> str:
    """Empty if it opened the console, else the page that refused it."""
    form = {"username": "somebody", "password": password}
    answer = Client().post(reverse("admin:login"), form, REMOTE_ADDR=address)
    return "" if answer.status_code == 302 else answer.content.decode()


def test_a_right_password_opens_the_console() -> None:
    assert try_password(PASSWORD) == ""


def test_guesses_are_counted_by_address_and_user_name() -> None:
    for _ in range(MOST_FAILURES):
        assert "Please enter the correct username" in try_password("wrong")
    assert "Too many failed logins" in try_password(PASSWORD)
    assert try_password(PASSWORD, address="192.0.2.8") == ""


def test_guesses_are_counted_while_the_shared_cache_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    away = SharedCounts(location=f"redis://127.0.0.1:{free_port()}", options={"socket_timeout": 0.3})
    monkeypatch.setattr(login.FAILURES, "_shared", lambda: away)
    for _ in range(MOST_FAILURES):
        assert "Please enter the correct username" in try_password("wrong")
    assert "Too many failed logins" in try_password(PASSWORD)
    assert try_password(PASSWORD, address="192.0.2.8") == ""


def test_a_success_forgets_the_failures() -> None:
    for _ in range(MOST_FAILURES - 1):
        try_password("wrong")
    assert try_password(PASSWORD) == ""
    assert "Please enter the correct username" in try_password("wrong")


def test_a_second_login_does_not_wait_for_long_behind_a_first() -> None:
    with login._checking:
        assert "Another login is being checked" in try_password(PASSWORD)
