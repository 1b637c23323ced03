"""New passwords have 14 characters; old ones are good for as long as they are kept."""

import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from tests.console.pages import url
from tests.support.cast import Cast

pytestmark = pytest.mark.contract("P10.46")

OLD, SHORT, LONG = "horse 7", "horse battery", "horse battery!"
TOO_SHORT = "This password is too short. It must contain at least 14 characters."
HELP = "Your password must contain at least 14 characters."


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def signed_in() -> tuple[Client, int]:
    User.objects.create_superuser("ann", password=OLD)
    browser = Client()
    return browser, browser.post("/admin/login/", {"username": "ann", "password": OLD}).status_code


def test_a_password_from_before_signs_in_and_the_next_one_is_longer(cast: Cast) -> None:
    browser, status = signed_in()
    assert status == 302
    page = "/admin/password_change/"
    assert HELP in browser.get(page).content.decode()
    refused = browser.post(page, {"old_password": OLD, "new_password1": SHORT, "new_password2": SHORT})
    assert (refused.status_code, TOO_SHORT in refused.content.decode()) == (200, True)
    assert User.objects.get(username="ann").check_password(OLD)
    assert (
        browser.post(page, {"old_password": OLD, "new_password1": LONG, "new_password2": LONG}).status_code
        == 302
    )
    assert User.objects.get(username="ann").check_password(LONG)


def test_the_form_of_a_new_user_says_how_long_a_password_must_be(cast: Cast) -> None:
    browser, _ = signed_in()
    page = url(User, "add")
    assert HELP in browser.get(page).content.decode()
    form: dict[str, Any] = {"username": "ben", "usable_password": "true"}
    refused = browser.post(page, form | {"password1": SHORT, "password2": SHORT})
    assert TOO_SHORT in refused.content.decode()
    assert browser.post(page, form | {"password1": LONG, "password2": LONG}).status_code == 302
    assert User.objects.get(username="ben").check_password(LONG)


def test_createsuperuser_says_how_long_a_password_must_be(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = iter([SHORT, SHORT, LONG, LONG])
    monkeypatch.setattr("getpass.getpass", lambda *_prompt: next(typed))
    monkeypatch.setattr("builtins.input", lambda *_prompt: "n")
    said = io.StringIO()
    call_command(
        "createsuperuser", username="root", email="", stdin=Terminal(), stdout=io.StringIO(), stderr=said
    )
    assert said.getvalue().strip() == TOO_SHORT
    assert User.objects.get(username="root").check_password(LONG)
