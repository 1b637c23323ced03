"""Logging in: guesses are counted, and one password is checked at a time."""

import io
import re
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from console.sign_in import login, login_failures
from console.sign_in.login_failures import MAX_FAILURES, MAX_FAILURES_OF_NETWORK
from runtime.rate_limit.shared_counts import SharedCounts
from tests.support.server import free_port

pytestmark = pytest.mark.contract("P10.7")

PASSWORD = "correct horse battery"
OFFICE, ELSEWHERE = "192.0.2.7", "192.0.2.8"


@pytest.fixture(autouse=True)
def _somebody(db: None) -> None:
    User.objects.create_superuser("somebody", password=PASSWORD)


def post(
    password: str, *, name: str = "somebody", address: str = OFFICE, browser: Client | None = None
) -> Any:
    form = {"username": name, "password": password}
    answer: Any = (browser or Client()).post(reverse("admin:login"), form, REMOTE_ADDR=address)
    return answer


def try_password(password: str, *, address: str = OFFICE, browser: Client | None = None) -> str:
    """Empty if it opened the console, else the page that refused it."""
    answer = post(password, address=address, browser=browser)
    return "" if answer.status_code == 302 else answer.content.decode()


def guess_under_ever_new_names(*addresses: str) -> None:
    for number, address in enumerate(addresses):
        assert (
            "Please enter the correct username"
            in post("wrong", name=f"name-{number}", address=address).content.decode()
        )


def test_a_right_password_opens_the_console() -> None:
    assert try_password(PASSWORD) == ""


def test_guesses_are_counted_by_address_and_user_name() -> None:
    for _ in range(MAX_FAILURES):
        assert "Please enter the correct username" in try_password("wrong")
    assert re.search(r"Too many failed logins. Wait \d+ seconds, then try again.", try_password(PASSWORD))
    assert try_password(PASSWORD, address=ELSEWHERE) == ""


def test_guesses_are_counted_while_the_shared_cache_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    away = SharedCounts(location=f"redis://127.0.0.1:{free_port()}", options={"socket_timeout": 0.3})
    for window in (login_failures.FAILURES, login_failures.NETWORK_FAILURES):
        monkeypatch.setattr(window, "_shared", lambda: away)
    for _ in range(MAX_FAILURES):
        assert "Please enter the correct username" in try_password("wrong")
    assert "Too many failed logins" in try_password(PASSWORD)
    assert try_password(PASSWORD, address=ELSEWHERE) == ""


def test_a_success_forgets_the_failures() -> None:
    for _ in range(MAX_FAILURES - 1):
        try_password("wrong")
    assert try_password(PASSWORD) == ""
    assert "Please enter the correct username" in try_password("wrong")


@pytest.mark.parametrize(
    "addresses",
    [
        [OFFICE] * MAX_FAILURES_OF_NETWORK,
        [f"2001:db8:0:7:{number:x}::1" for number in range(MAX_FAILURES_OF_NETWORK)],
    ],
    ids=["one address", "one /64"],
)
def test_guesses_under_ever_new_names_are_counted_by_network(addresses: list[str]) -> None:
    guess_under_ever_new_names(*addresses)

    refused = post(PASSWORD, address=addresses[0])

    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= 300
    assert "Too many logins from your network" in refused.content.decode()
    assert f"Wait {refused['Retry-After']} seconds" in refused.content.decode()
    assert try_password(PASSWORD, address=ELSEWHERE) == ""


def test_a_browser_that_logged_in_before_is_let_in_whoever_guesses_beside_it() -> None:
    browser = Client()
    assert try_password(PASSWORD, browser=browser) == ""
    browser.post(reverse("admin:logout"))
    guess_under_ever_new_names(*[OFFICE] * MAX_FAILURES_OF_NETWORK)
    assert "Too many logins" in try_password(PASSWORD)
    assert try_password(PASSWORD, browser=browser) == ""


def test_guesses_for_the_users_own_name_do_not_hold_up_a_browser_that_is_known() -> None:
    browser = Client()
    assert try_password(PASSWORD, browser=browser) == ""
    for _ in range(MAX_FAILURES):
        try_password("wrong")
    assert "Too many failed logins" in try_password(PASSWORD)
    assert try_password(PASSWORD, browser=browser) == ""


def test_a_known_browser_may_not_guess_without_end_either() -> None:
    browser = Client()
    assert try_password(PASSWORD, browser=browser) == ""
    for _ in range(MAX_FAILURES):
        try_password("wrong", browser=browser)
    assert "Too many failed logins" in try_password(PASSWORD, browser=browser)


def test_a_known_browser_is_a_stranger_under_other_names() -> None:
    browser = Client()
    assert try_password(PASSWORD, browser=browser) == ""
    for number in range(MAX_FAILURES_OF_NETWORK):
        post("wrong", name=f"name-{number}", browser=browser)
    refused = post("wrong", name="another", browser=browser).content.decode()
    assert "Too many failed logins" in refused


def test_a_cookie_that_the_server_did_not_make_is_worth_nothing() -> None:
    guess_under_ever_new_names(*[OFFICE] * MAX_FAILURES_OF_NETWORK)
    browser = Client()
    browser.cookies[settings.KNOWN_BROWSER_COOKIE_NAME] = "somebody:1abcde:forged"
    assert "Too many logins" in try_password(PASSWORD, browser=browser)


def test_a_network_has_one_password_checked_at_a_time() -> None:
    with login.QUEUE.turn(f"network {OFFICE}/32", is_favoured=False):
        answer = post(PASSWORD)
    assert (answer.status_code, answer["Retry-After"]) == (429, "2")
    assert "Other logins are being checked" in answer.content.decode()
    assert ">Back to the login</a>" in answer.content.decode()
    assert try_password(PASSWORD) == ""


class CutOff(io.BytesIO):
    def read(self, *_sizes: int | None) -> bytes:
        raise ConnectionResetError


def test_a_form_that_is_cut_off_takes_no_place() -> None:
    browser: Any = Client()
    answer = browser.generic(
        "POST", reverse("admin:login"), b"", CONTENT_LENGTH="9", **{"wsgi.input": CutOff()}
    )
    assert answer.status_code == 400
