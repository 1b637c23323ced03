"""Sessions of the console: they run out, are listed and ended, and a form that comes too late is kept."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import OperationalEvent
from console.models import ConsoleSession
from console.sign_in.kept_form import MAX_KEPT
from relying_parties.models import RelyingParty
from tests.console.forms import form_in, form_of, version_in
from tests.console.pages import url
from tests.support.cast import Cast

pytestmark = pytest.mark.contract("P10.45")

PASSWORD = "correct horse battery"
PAGE = "/admin/sessions/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64) Firefox/149.0"
Later = Callable[..., None]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """Lets time pass for the sessions."""
    now = [timezone.now()]

    def passes(**how_long: float) -> None:
        now[0] += timedelta(**how_long)

    for module in ("console.sign_in.session_store", "console.sign_in.kept_form"):
        monkeypatch.setattr(f"{module}.timezone", SimpleNamespace(now=lambda: now[0]))
    return passes


def person(name: str, **flags: Any) -> User:
    return User.objects.create_user(name, password=PASSWORD, is_staff=True, **flags)


def sign_in(name: str, browser: Client | None = None, **headers: str) -> Client:
    browser = browser or Client()
    given: dict[str, Any] = {"REMOTE_ADDR": "192.0.2.7", "HTTP_USER_AGENT": FIREFOX} | headers
    answer = browser.post("/admin/login/", {"username": name, "password": PASSWORD}, **given)
    assert answer.status_code == 302
    return browser


def is_open(browser: Client) -> bool:
    return browser.get(PAGE).status_code == 200


def rows_of(browser: Client, query: str = "") -> list[str]:
    return [str(each["row"].user) for each in browser.get(PAGE + query).context["sessions"]]


def session_of(name: str) -> ConsoleSession:
    return ConsoleSession.objects.filter(user__username=name).latest("since")


def ended() -> list[tuple[str, str, str]]:
    rows = OperationalEvent.objects.filter(kind="sign_out").exclude(target="").order_by("id")
    return [(row.actor, row.target, row.detail.rpartition("7. ")[2]) for row in rows]


def test_a_session_ends_after_half_an_hour_without_a_request(cast: Cast, later: Later) -> None:
    person("ann")
    browser = sign_in("ann")
    for _ in range(3):
        later(minutes=29)
        assert is_open(browser)
    later(minutes=30)
    assert not is_open(browser)


def test_a_session_ends_after_eight_hours_however_busy(cast: Cast, later: Later) -> None:
    person("ann")
    browser = sign_in("ann")
    for _ in range(23):
        later(minutes=20)
        assert is_open(browser)
    later(minutes=21)
    assert not is_open(browser)


def test_a_busy_session_is_written_once_a_minute(cast: Cast, later: Later) -> None:
    person("ann")
    browser = sign_in("ann")
    seen: set[datetime] = set()
    for _ in range(7):
        later(seconds=20)
        assert is_open(browser)
        seen.add(session_of("ann").last_seen_at)
    assert len(seen) == 3


def test_the_key_of_a_session_is_neither_stored_nor_shown(cast: Cast) -> None:
    person("ann")
    browser = sign_in("ann")
    key = browser.cookies[settings.SESSION_COOKIE_NAME].value
    stored = str(list(ConsoleSession.objects.values()))
    page = browser.get(PAGE).content.decode()
    assert key not in stored + page
    assert session_of("ann").session_key not in page
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = session_of("ann").session_key
    assert not is_open(thief)


def test_a_user_sees_and_ends_sessions_of_their_own(cast: Cast) -> None:
    person("ann")
    person("ben")
    desk, phone, ben = sign_in("ann"), sign_in("ann", HTTP_USER_AGENT="Phone"), sign_in("ben")
    assert rows_of(desk) == ["ann", "ann"]
    page = desk.get(PAGE).content.decode()
    assert page.count("192.0.2.7") == 2
    assert "Phone" in page
    assert page.count("This session") == page.count("End it") == 1

    (other,) = (each["row"] for each in desk.get(PAGE).context["sessions"] if not each["is_present"])
    answer = desk.post(PAGE, {"session": other.public_id}, REMOTE_ADDR="192.0.2.9", follow=True)

    assert f"Ended: the {other} of ann." in answer.content.decode()
    assert (is_open(desk), is_open(phone), is_open(ben)) == (True, False, True)
    assert ended() == [("ann", "user ann", "It was ended by hand.")]
    assert OperationalEvent.objects.filter(kind="sign_out").latest("id").address == "192.0.2.9"


@pytest.mark.parametrize("name", ["", "no id", "00000000-0000-0000-0000-000000000000", "\x00"])
def test_a_session_that_is_not_there_is_said_to_have_ended(cast: Cast, name: str) -> None:
    person("ann")
    answer = sign_in("ann").post(PAGE, {"session": name}, follow=True)
    assert "There is no such session: it has ended already." in answer.content.decode()
    assert ended() == []


def test_nobody_but_a_superuser_ends_the_session_of_another(cast: Cast) -> None:
    person("ann")
    person("ben").groups.add(Group.objects.get(name="Operators"))
    person("root", is_superuser=True)
    ann, ben, root = sign_in("ann"), sign_in("ben"), sign_in("root")
    form = {"session": session_of("ann").public_id}
    ben.post(PAGE, form)
    assert (is_open(ann), ended()) == (True, [])
    assert sorted(rows_of(root)) == ["ann", "ben", "root"]
    assert rows_of(root, "?user=AN") == ["ann"]
    root.post(PAGE, form)
    assert (is_open(ann), ended()) == (False, [("root", "user ann", "It was ended by hand.")])


def test_the_session_that_one_is_in_is_ended_by_logging_out(cast: Cast) -> None:
    person("ann")
    browser = sign_in("ann")
    answer = browser.post(PAGE, {"session": session_of("ann").public_id}, follow=True)
    assert "log out to end it" in answer.content.decode()
    assert (is_open(browser), ended()) == (True, [])
    browser.post("/admin/logout/")
    assert not ConsoleSession.objects.filter(user__isnull=False).exists()


def test_a_new_password_ends_the_other_sessions_of_its_user(cast: Cast) -> None:
    person("ann")
    desk, phone = sign_in("ann"), sign_in("ann")
    new = {"old_password": PASSWORD, "new_password1": "another horse 77", "new_password2": "another horse 77"}
    assert desk.post("/admin/password_change/", new).status_code == 302
    assert (is_open(desk), is_open(phone)) == (True, False)
    assert ended() == [("ann", "user ann", "The password was changed.")]
    assert ConsoleSession.objects.filter(user__isnull=False).count() == 1


@pytest.mark.parametrize("flag", ["is_active", "is_staff"])
def test_a_user_who_may_not_use_the_console_any_more_has_no_session_left(cast: Cast, flag: str) -> None:
    ann = person("ann")
    sign_in("ann")
    setattr(ann, flag, False)
    ann.save()
    assert not ConsoleSession.objects.filter(user=ann).exists()
    assert [why for _, _, why in ended()] == ["The account may not use the console any more."]


def test_another_name_ends_no_session(cast: Cast) -> None:
    ann = person("ann")
    browser = sign_in("ann")
    ann.first_name = "Ann"
    ann.save()
    assert (is_open(browser), ended()) == (True, [])


def late_form(browser: Client, page: str, later: Later, **typed: str) -> Any:
    """Open a page, let the session run out, and send its form."""
    form = form_of(browser, page) | typed
    later(minutes=31)
    return browser.post(page, form)


def back(browser: Client, answer: Any, name: str = "ann") -> Any:
    """Sign in on the page that the late form got."""
    kept = answer.context["kept_form"]
    form = {"username": name, "password": PASSWORD, "kept_form": kept, "next": "/admin/"}
    return browser.post("/admin/login/", form)


@pytest.mark.contract("P10.49")
def test_a_form_that_comes_after_its_session_is_shown_again_as_it_was_typed(cast: Cast, later: Later) -> None:
    person("ann", is_superuser=True)
    browser, page = sign_in("ann"), url(RelyingParty, "change", cast.billing.pk)

    late = late_form(browser, page, later, name="Typed for long", description="<b>&é")
    assert late.status_code == 403
    assert "Log in again: the form is then shown with what you typed" in late.content.decode()
    assert "Typed for long" not in late.content.decode()
    wrong = {"username": "ann", "password": "wrong", "kept_form": late.context["kept_form"]}
    assert browser.post("/admin/login/", wrong).context["kept_form"] == late.context["kept_form"]
    signed_in = back(browser, late)
    assert f'action="{page}"' in signed_in.content.decode()
    shown = browser.post(page, {"kept_form": signed_in.context["kept_form"]})

    form = form_in(shown)
    assert (shown.status_code, form["name"], form["description"]) == (200, "Typed for long", "<b>&é")
    assert RelyingParty.objects.get(pk=cast.billing.pk).name == cast.billing.name
    assert browser.post(page, form).status_code == 302
    assert RelyingParty.objects.get(pk=cast.billing.pk).name == "Typed for long"


@pytest.mark.contract("P10.49")
def test_a_form_that_is_shown_again_undoes_no_change_of_another(cast: Cast, later: Later) -> None:
    person("ann", is_superuser=True)
    browser, page = sign_in("ann"), url(RelyingParty, "change", cast.billing.pk)
    late = late_form(browser, page, later, name="Typed for long")
    cast.billing.contact = "Another"
    cast.billing.save()
    shown = browser.post(page, {"kept_form": back(browser, late).context["kept_form"]})
    assert browser.post(page, form_in(shown)).status_code == 409
    assert RelyingParty.objects.get(pk=cast.billing.pk).contact == "Another"


@pytest.mark.contract("P10.49")
def test_the_form_of_an_act_is_shown_again(cast: Cast, later: Later) -> None:
    person("ann", is_superuser=True)
    browser, page = sign_in("ann"), url(RelyingParty, "disable", cast.billing.pk)
    version = version_in(browser.get(page))
    later(minutes=31)
    late = browser.post(page, {**version, "reason": "leak, INC-42"})
    shown = browser.post(page, {"kept_form": back(browser, late).context["kept_form"]})
    assert "leak, INC-42" in shown.content.decode()
    assert RelyingParty.objects.get(pk=cast.billing.pk).is_active


@pytest.mark.contract("P10.49")
def test_a_kept_form_holds_no_password_and_shows_none(cast: Cast, later: Later) -> None:
    person("ann", is_superuser=True)
    browser, page = sign_in("ann"), url(User, "add")
    late = late_form(
        browser, page, later, username="new", password1="geheim-geheim-7", password2="geheim-geheim-7"
    )
    shown = browser.post(page, {"kept_form": back(browser, late).context["kept_form"]})
    form = shown.context["adminform"].form
    assert form["username"].value() == "new"
    assert not form["password1"].value()
    assert "geheim-geheim-7" not in shown.content.decode()
    assert not User.objects.filter(username="new").exists()


@pytest.mark.contract("P10.49")
def test_a_kept_form_is_for_its_user_and_for_an_hour(cast: Cast, later: Later) -> None:
    person("ann", is_superuser=True)
    person("ben", is_superuser=True)
    browser, page = sign_in("ann"), url(RelyingParty, "change", cast.billing.pk)
    late = late_form(browser, page, later, name="Typed for long")
    assert back(sign_in("ben"), late, "ben").status_code == 302
    for forged in ("", "x", "tests-1.", "tests-1.AAAA", "é.é", late.context["kept_form"][:-4] + "AAAA"):
        answer = sign_in("ann").post(page, {"kept_form": forged})
        assert (answer.status_code, "Typed for long" in answer.content.decode()) == (200, False)
    later(minutes=61)
    assert back(browser, late).status_code == 302


@pytest.mark.contract("P10.49")
def test_a_strangers_form_is_not_kept_and_neither_is_a_vast_one(cast: Cast, later: Later) -> None:
    person("ann")
    page = url(RelyingParty, "add")
    assert Client().post(page, {"name": "x"}).status_code == 302
    browser = sign_in("ann")
    later(minutes=31)
    assert browser.post(page, {"name": "x" * MAX_KEPT}).status_code == 302
    assert browser.post("/admin/logout/", {"name": "x"}).status_code == 302
    assert re.fullmatch(r"/admin/login/\?next=.*", browser.post(page, {}).headers["Location"])


@pytest.mark.contract("P10.49")
@pytest.mark.parametrize(
    ("page", "field"), [("admin:find", "text"), ("admin:why", "pasted"), ("admin:contain", "token")]
)
def test_what_is_pasted_is_not_kept(cast: Cast, later: Later, page: str, field: str) -> None:
    person("ann", is_superuser=True)
    browser = sign_in("ann")
    later(minutes=31)
    answer = browser.post(reverse(page), {field: "geheim-geheim-7"})
    assert (answer.status_code, answer.content) == (302, b"")
