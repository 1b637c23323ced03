"""The second factor of a local user: an authenticator app (RFC 6238), or a recovery code in its place."""

import io
import re
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pyotp
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client, RequestFactory
from django.utils import timezone

from audit.models import OperationalEvent
from console.models import ConsoleSession, RecoveryCode, SecondFactor
from console.sign_in.login_failures import CODE_FAILURES, MAX_FAILURES, Attempt
from keys.lifecycle.rewrapping import rewrap_keys
from tests.support.cast import Cast

pytestmark = pytest.mark.contract("P10.47")

PASSWORD = "correct horse battery"
LOGIN, PAGE = "/admin/login/", "/admin/second-factor/"
OFFICE = "192.0.2.7"
WRONG = "The code is wrong, or was used before."


class Clock:
    """Of the second factor: codes do not change under a test."""

    def __init__(self) -> None:
        self.now = timezone.now()

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    ticking = SimpleNamespace(now=lambda: clock.now)
    monkeypatch.setattr("console.sign_in.second_factor.timezone", ticking)
    return clock


class Person:
    """A user with an app, at a browser."""

    def __init__(self, clock: Clock, *, name: str = "ann") -> None:
        self.user = User.objects.create_superuser(name, password=PASSWORD)
        self.clock = clock
        self.secret = ""
        self.codes: list[str] = []
        self.browser = Client()

    def set_up(self) -> "Person":
        self.browser.force_login(self.user)
        self.secret = self.browser.post(PAGE, {"act": "begin"}).context["secret"]
        answer = self.browser.post(PAGE, {"act": "confirm", "code": self.code()})
        self.codes = list(answer.context["codes"])
        self.clock.passes(30)
        return self

    def code(self, *, at: datetime | None = None) -> str:
        return pyotp.TOTP(self.secret).at(at or self.clock.now)

    def password(self, browser: Client, *, address: str = OFFICE, **more: str) -> Any:
        form = {"username": self.user.username, "password": PASSWORD, "next": "/admin/sessions/", **more}
        answer: Any = browser.post(LOGIN, form, REMOTE_ADDR=address)
        return answer

    def sign_in(self, code: str, *, browser: Client | None = None, address: str = OFFICE) -> Any:
        browser = browser or Client()
        asked = self.password(browser, address=address)
        form = {"proven": asked.context["proven"], "code": code, "next": asked.context["next"]}
        return browser.post(LOGIN, form, REMOTE_ADDR=address)


@pytest.fixture
def ann(cast: Cast, clock: Clock) -> Person:
    return Person(clock).set_up()


def details(kind: str) -> list[tuple[str, str, str]]:
    rows = OperationalEvent.objects.filter(kind=kind).exclude(detail__startswith="created").order_by("id")
    return list(rows.values_list("actor", "target", "detail"))


def test_it_is_set_up_by_a_code_of_the_app(cast: Cast, clock: Clock) -> None:
    ann = Person(clock)
    ann.browser.force_login(ann.user)
    begun = ann.browser.post(PAGE, {"act": "begin"})
    ann.secret = begun.context["secret"]
    page = begun.content.decode()
    assert page.count(f'<code class="secret">{ann.secret}</code>') == 1
    assert 'src="data:image/svg+xml' in page
    assert not re.search(r"<script(?![^>]*src=)|style=", page)

    wrong = ann.browser.post(PAGE, {"act": "confirm", "code": "000000"})
    assert WRONG in wrong.content.decode()
    assert ann.secret not in wrong.content.decode()
    assert "Begin again" in wrong.content.decode()
    assert ann.password(Client()).status_code == 302

    codes = ann.browser.post(PAGE, {"act": "confirm", "code": ann.code()}).context["codes"]
    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"([A-Z2-7]{4}-){3}[A-Z2-7]{4}", code) for code in codes)
    again = ann.browser.get(PAGE).content.decode()
    assert not any(code in again for code in [*codes, ann.secret])
    assert "10 recovery codes are left" in again
    assert details("account_changed") == [("ann", "user ann", "second factor set up")]


def test_the_secret_and_the_codes_are_not_in_the_database_as_they_are(ann: Person) -> None:
    stored = str(list(SecondFactor.objects.values())) + str(list(RecoveryCode.objects.values()))
    stored += str([session.get_decoded() for session in ConsoleSession.objects.all()])
    stored += str(list(OperationalEvent.objects.values()))
    plain = [ann.secret, *ann.codes, *(code.replace("-", "") for code in ann.codes)]
    assert [text for text in plain if text in stored] == []
    assert SecondFactor.objects.get().secret() == pyotp.TOTP(ann.secret).byte_secret()


def test_a_sign_in_asks_for_a_code_and_goes_on_to_where_it_was_going(ann: Person) -> None:
    browser = Client()
    asked = ann.password(browser)
    assert (asked.status_code, browser.get("/admin/").status_code) == (200, 302)
    assert 'autocomplete="one-time-code"' in asked.content.decode()
    answer = ann.sign_in(ann.code(), browser=browser)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/sessions/")
    assert browser.get("/admin/").status_code == 200


@pytest.mark.parametrize("step", [-30, 0, 30])
def test_a_clock_may_be_half_a_minute_off(ann: Person, step: int) -> None:
    ann.clock.passes(60)
    assert ann.sign_in(ann.code(at=ann.clock.now + timedelta(seconds=step))).status_code == 302


@pytest.mark.parametrize("step", [-60, 60])
def test_a_clock_may_not_be_a_minute_off(ann: Person, step: int) -> None:
    ann.clock.passes(90)
    refused = ann.sign_in(ann.code(at=ann.clock.now + timedelta(seconds=step)))
    assert WRONG in refused.content.decode()


def test_a_code_is_good_once_and_so_are_those_before_it(ann: Person) -> None:
    before, code = ann.code(at=ann.clock.now - timedelta(seconds=30)), ann.code()
    assert ann.sign_in(code).status_code == 302
    for used in (code, before):
        assert WRONG in ann.sign_in(used).content.decode()
    ann.clock.passes(30)
    assert ann.sign_in(ann.code()).status_code == 302


def test_a_recovery_code_is_good_once(ann: Person) -> None:
    typed = ann.codes[3].lower().replace("-", " ")
    assert ann.sign_in(typed).status_code == 302
    assert WRONG in ann.sign_in(typed).content.decode()
    assert ann.sign_in(ann.codes[4]).status_code == 302
    used = [row for row in details("account_changed") if "recovery" in row[2]]
    assert used == [
        ("ann", "user ann", "recovery code used; 9 are left"),
        ("ann", "user ann", "recovery code used; 8 are left"),
    ]


def test_a_recovery_code_of_another_is_worth_nothing(ann: Person, clock: Clock) -> None:
    ben = Person(clock, name="ben").set_up()
    assert WRONG in ben.sign_in(ann.codes[0]).content.decode()
    assert ben.sign_in(ben.codes[0]).status_code == 302


def test_a_wrong_code_is_recorded_as_a_failed_sign_in(ann: Person) -> None:
    ann.sign_in("000000")
    assert details("sign_in_failed") == [("ann", "", "Wrong code of the second factor.")]


def test_codes_are_guessed_as_rarely_as_passwords_and_a_right_password_forgives_nothing(ann: Person) -> None:
    for _ in range(MAX_FAILURES):
        assert WRONG in ann.sign_in("000000").content.decode()
    assert "Too many failed logins" in ann.password(Client()).content.decode()


def test_codes_of_one_user_are_not_guessed_from_many_networks_either(ann: Person) -> None:
    for number in range(MAX_FAILURES):
        assert WRONG in ann.sign_in("000000", address=f"198.51.100.{number}").content.decode()
    refused = ann.sign_in(ann.code(), address="203.0.113.9")
    assert "Too many failed logins" in refused.content.decode()


def test_codes_are_not_guessed_slowly_either(ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.sign_in.login_failures.MAX_CODE_FAILURES_OF_DAY", 2)
    for number in range(2):
        assert WRONG in ann.sign_in("000000", address=f"198.51.100.{number}").content.decode()
    CODE_FAILURES.forget(Attempt.of(RequestFactory().get("/"), "ann")._user)
    refused = ann.sign_in(ann.code(), address="203.0.113.9")
    assert "Too many failed logins" in refused.content.decode()


def test_guesses_do_not_hold_up_a_browser_that_signed_in_before(ann: Person) -> None:
    known = Client()
    assert ann.sign_in(ann.code(), browser=known).status_code == 302
    known.post("/admin/logout/")
    for number in range(MAX_FAILURES):
        ann.sign_in("000000", address=f"198.51.100.{number}")
    ann.clock.passes(30)
    assert ann.sign_in(ann.code(), browser=known).status_code == 302


@pytest.mark.parametrize("forged", ["", "x", "WzEsICJ4Il0:1abcde:forged"])
def test_no_code_is_taken_without_the_password(ann: Person, forged: str) -> None:
    browser = Client()
    answer = browser.post(LOGIN, {"proven": forged, "code": ann.code()})
    assert (answer.status_code, answer.headers["Location"]) == (302, LOGIN)
    assert browser.get("/admin/").status_code == 302


def test_a_right_password_counts_for_five_minutes_and_until_it_is_changed(
    ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Client()
    form = {"proven": ann.password(browser).context["proven"], "code": ann.code()}
    with monkeypatch.context() as patched:
        patched.setattr("console.sign_in.login_view.PATIENCE", -1)
        assert browser.post(LOGIN, form).headers["Location"] == LOGIN
    ann.user.set_password("another horse battery")
    ann.user.save()
    assert browser.post(LOGIN, form).headers["Location"] == LOGIN
    assert browser.get("/admin/").status_code == 302


@pytest.mark.contract("P10.49")
def test_a_kept_form_outlives_the_second_step_too(ann: Person) -> None:
    known = Client()
    ann.sign_in(ann.code(), browser=known)
    ConsoleSession.objects.all().delete()
    late = known.post(PAGE, {"act": "renew", "reason": "typed"})
    asked = ann.password(known, kept_form=late.context["kept_form"])
    ann.clock.passes(30)
    form = {"proven": asked.context["proven"], "kept_form": asked.context["kept_form"], "code": ann.code()}
    assert f'action="{PAGE}"' in known.post(LOGIN, form).content.decode()


def test_recovery_codes_are_renewed_and_the_factor_turned_off_by_a_code(ann: Person) -> None:
    for act in ("renew", "turn_off"):
        assert WRONG in ann.browser.post(PAGE, {"act": act, "code": "000000"}).content.decode()
        assert "This field is required." in ann.browser.post(PAGE, {"act": act}).content.decode()
    renewed = ann.browser.post(PAGE, {"act": "renew", "code": ann.code()}).context["codes"]
    assert set(renewed).isdisjoint(ann.codes)
    assert WRONG in ann.sign_in(ann.codes[0]).content.decode()
    answer = ann.browser.post(PAGE, {"act": "turn_off", "code": renewed[0]}, follow=True)
    assert "Your second factor is turned off." in answer.content.decode()
    assert ann.password(Client()).status_code == 302
    assert (SecondFactor.objects.count(), RecoveryCode.objects.count()) == (0, 0)
    assert [detail for _, _, detail in details("account_changed")] == [
        "second factor set up",
        "recovery codes renewed",
        "recovery code used; 9 are left",
        "second factor turned off",
    ]


def test_one_that_is_on_is_not_replaced_without_a_code(ann: Person) -> None:
    assert ann.browser.post(PAGE, {"act": "begin"}).status_code == 302
    assert WRONG in ann.browser.post(PAGE, {"act": "confirm", "code": ann.code()}).content.decode()
    assert ann.sign_in(ann.code()).status_code == 302


def test_a_superuser_resets_it_with_a_reason(ann: Person, clock: Clock) -> None:
    root = Person(clock, name="root")
    root.browser.force_login(root.user)
    page = f"/admin/auth/user/{ann.user.pk}/second-factor/"
    assert f'href="{page}"' in root.browser.get(f"/admin/auth/user/{ann.user.pk}/change/").content.decode()
    assert "This field is required." in root.browser.post(page, {"reason": ""}).content.decode()
    assert SecondFactor.objects.exists()
    answer = root.browser.post(page, {"reason": "new phone, asked in person"}, follow=True)
    # Django begins a message with a capital letter.
    assert "Ann has no second factor now, and is signed out." in answer.content.decode()
    assert ann.browser.get("/admin/").status_code == 302
    assert ann.password(Client()).status_code == 302
    assert details("account_changed")[-1] == (
        "root",
        "user ann",
        "second factor reset: new phone, asked in person",
    )
    assert details("sign_out")[-1][2].endswith("The second factor was reset.")
    answer = root.browser.post(page, {"reason": "again"}, follow=True)
    assert "Ann has no second factor." in answer.content.decode()


def test_a_command_resets_it_where_nobody_else_can(ann: Person) -> None:
    said = io.StringIO()
    call_command("reset_second_factor", "ann", "--reason", "phone lost", stdout=said)
    assert said.getvalue() == "ann has no second factor now, and is signed out.\n"
    assert details("account_changed")[-1][1:] == ("user ann", "second factor reset: phone lost")
    assert ann.browser.get("/admin/").status_code == 302
    for name, why in (("ann", "ann has no second factor."), ("eve", "There is no user eve.")):
        with pytest.raises(CommandError, match=re.escape(why)):
            call_command("reset_second_factor", name, "--reason", "phone lost")


def test_where_it_is_required_nothing_else_is_to_be_seen_without_one(
    cast: Cast, clock: Clock, settings: Any
) -> None:
    settings.REQUIRE_SECOND_FACTOR = True
    ann = Person(clock)
    assert ann.password(ann.browser).status_code == 302
    for page in ("/admin/", "/admin/sessions/", "/admin/auth/user/", "/admin/password_change/"):
        for ask in (ann.browser.get, ann.browser.post):
            answer = ask(page)
            assert (answer.status_code, answer.headers["Location"]) == (302, PAGE)
    assert "This server requires a second factor" in ann.browser.get(PAGE).content.decode()
    ann.secret = ann.browser.post(PAGE, {"act": "begin"}).context["secret"]
    ann.browser.post(PAGE, {"act": "confirm", "code": ann.code()})
    assert ann.browser.get("/admin/").status_code == 200
    clock.passes(30)
    browser = Client()
    ann.sign_in(ann.code(), browser=browser)
    assert browser.get("/admin/").status_code == 200
    clock.passes(30)
    browser.post(PAGE, {"act": "turn_off", "code": ann.code()})
    assert browser.get("/admin/").headers["Location"] == PAGE


def test_the_secret_moves_with_the_key_encryption_keys(ann: Person, settings: Any) -> None:
    old = settings.KEY_ENCRYPTION_KEYS
    settings.KEY_ENCRYPTION_KEYS = {"new": b"n" * 32, **old}
    assert f"second factor of user {ann.user.pk}" in rewrap_keys().moved
    settings.KEY_ENCRYPTION_KEYS = {"new": b"n" * 32}
    assert ann.sign_in(ann.code()).status_code == 302
    settings.KEY_ENCRYPTION_KEYS = old
    ann.clock.passes(30)
    assert "KEY_ENCRYPTION_KEYS lacks the key" in ann.sign_in(ann.code()).content.decode()
    assert ann.sign_in(ann.codes[0]).status_code == 302


def test_the_secret_of_another_row_does_not_open(ann: Person, clock: Clock) -> None:
    ben = Person(clock, name="ben").set_up()
    stolen = SecondFactor.objects.get(user=ann.user)
    SecondFactor.objects.filter(user=ben.user).update(ciphertext=stolen.ciphertext)
    assert "cannot be read" in ben.sign_in(ann.code()).content.decode()


def test_setting_it_up_and_turning_it_off_end_the_users_other_sessions(cast: Cast, clock: Clock) -> None:
    ann = Person(clock)
    other = Client()
    other.force_login(ann.user)
    ann.set_up()
    assert other.get("/admin/").status_code == 302
    assert ann.browser.get("/admin/").status_code == 200
    ann.sign_in(ann.code(), browser=other)
    assert other.get("/admin/").status_code == 200
    clock.passes(30)
    ann.browser.post(PAGE, {"act": "turn_off", "code": ann.code()})
    assert other.get("/admin/").status_code == 302
    assert ann.browser.get("/admin/").status_code == 200
