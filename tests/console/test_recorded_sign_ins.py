"""Sign-ins, failed ones and sign-outs: a sealed row for each, and no sign-in without its row."""

import ipaddress
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from django.contrib.auth.models import User
from django.test import Client

from audit.models import OperationalEvent
from console.models import ConsoleSession
from console.sign_in import failed_sign_ins
from console.sign_in.failed_sign_ins import MAX_KEYS, RECORDED_OF_ALL, RECORDED_PER_MINUTE, write_counts
from tests.support.failing import refusing
from tests.support.server import serve, with_static_files

pytestmark = pytest.mark.contract("P10.9")

PASSWORD = "correct horse battery"
TYPED_AS_NAME = "my secret passphrase"
LOGIN, LOGOUT = "/admin/login/", "/admin/logout/"
TABLE = "audit_operationalevent"
NOW = datetime(2026, 7, 1, 12, 0, 30, tzinfo=UTC)
WRONG = "Wrong user name or password."


@pytest.fixture(autouse=True)
def _accounts(db: None) -> None:
    User.objects.create_superuser("ann", password=PASSWORD)
    User.objects.create_user("service", password=PASSWORD)


def sign_in(browser: Client, name: str, password: str, **headers: str) -> int:
    form = {"username": name, "password": password}
    return browser.post(LOGIN, form, **{"REMOTE_ADDR": "192.0.2.7"} | headers).status_code  # type: ignore[arg-type]


def acts() -> list[tuple[str, str, str]]:
    """Kind, actor and detail of each row of a sign-in, oldest first."""
    rows = OperationalEvent.objects.filter(kind__startswith="sign_").order_by("id")
    return list(rows.values_list("kind", "actor", "detail"))


def test_a_sign_in_and_a_sign_out_are_rows_with_the_address() -> None:
    browser = Client()
    assert sign_in(browser, "ann", PASSWORD) == 302
    assert browser.post(LOGOUT, REMOTE_ADDR="192.0.2.8").status_code == 200
    assert browser.post(LOGOUT).status_code in (200, 302)
    assert acts() == [("sign_in", "ann", ""), ("sign_out", "ann", "")]
    rows = OperationalEvent.objects.filter(kind__startswith="sign_").order_by("id")
    assert list(rows.values_list("source", "address")) == [("admin", "192.0.2.7"), ("admin", "192.0.2.8")]
    # The instant of the last sign-in is no change of the account.
    assert (
        not OperationalEvent.objects.filter(target="user ann").exclude(detail__startswith="created").exists()
    )


def test_a_failed_sign_in_names_its_user_and_never_what_was_typed_in_the_place_of_a_name() -> None:
    browser = Client()
    for name, password in (("ann", TYPED_AS_NAME), (TYPED_AS_NAME, PASSWORD), ("service", PASSWORD)):
        assert sign_in(browser, name, password) == 200
    assert acts() == [
        ("sign_in_failed", "ann", WRONG),
        (
            "sign_in_failed",
            "unknown",
            f"{WRONG} The name that was tried belongs to no user and has 20 characters.",
        ),
        ("sign_in_failed", "service", "The password is right, but the account may not use the console."),
    ]
    told = str(list(OperationalEvent.objects.values()))
    assert TYPED_AS_NAME not in told
    assert PASSWORD not in told


def test_a_form_without_a_name_or_a_password_is_no_attempt() -> None:
    assert sign_in(Client(), "ann", "") == 200
    assert sign_in(Client(), "", PASSWORD) == 200
    assert acts() == []


def test_the_address_is_the_clients_behind_a_trusted_proxy_alone(settings: Any) -> None:
    settings.TRUSTED_PROXIES = (ipaddress.ip_network("10.0.0.0/8"),)
    for peer in ("10.0.0.1", "192.0.2.7"):
        sign_in(Client(), "ann", "wrong", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR="198.51.100.9")
    rows = OperationalEvent.objects.filter(kind="sign_in_failed").order_by("id")
    assert list(rows.values_list("address", flat=True)) == ["198.51.100.9", "192.0.2.7"]


def test_who_cannot_be_recorded_is_not_signed_in() -> None:
    browser = Client(raise_request_exception=False)
    with refusing("INSERT", TABLE):
        assert sign_in(browser, "ann", PASSWORD) >= 500
        assert sign_in(browser, "ann", "wrong") >= 500
    assert browser.get("/admin/").status_code == 302
    assert not any("_auth_user_id" in session.get_decoded() for session in ConsoleSession.objects.all())
    assert sign_in(browser, "ann", PASSWORD) == 302
    assert browser.get("/admin/").status_code == 200
    with refusing("INSERT", TABLE):
        assert browser.post(LOGOUT).status_code >= 500
    assert browser.get("/admin/").status_code == 200
    assert [kind for kind, _, _ in acts()] == ["sign_in"]


def test_a_flood_of_failures_is_counted_beyond_a_budget_of_the_network() -> None:
    for number in range(RECORDED_PER_MINUTE + 7):
        assert sign_in(Client(), f"name-{number}", "wrong") == 200
    assert sign_in(Client(), "name", "wrong", REMOTE_ADDR="2001:db8::1") == 200
    assert len(acts()) == RECORDED_PER_MINUTE + 1
    write_counts()
    write_counts()
    row = OperationalEvent.objects.latest("id")
    assert (row.kind, row.actor, row.address) == ("sign_in_failed", "unknown", "")
    assert row.target == "network 192.0.2.7/32"
    assert re.fullmatch(
        r"7 more failed sign-ins in the minute from 20..-..-.. ..:.. UTC on, counted .*", row.detail
    )
    assert len(acts()) == RECORDED_PER_MINUTE + 2


def test_a_flood_from_many_networks_makes_few_rows_too() -> None:
    for number in range(200):
        failed_sign_ins.is_counted(f"192.0.2.{number}", now=NOW)
    write_counts()
    counted = [int(detail.split()[0]) for _, _, detail in acts()]
    assert len(counted) == MAX_KEYS + 1
    assert sum(counted) == 200 - RECORDED_OF_ALL
    assert OperationalEvent.objects.filter(target="network other").count() == 1


def test_counts_that_cannot_be_written_are_kept() -> None:
    for _ in range(RECORDED_PER_MINUTE + 3):
        failed_sign_ins.is_counted("192.0.2.7", now=NOW)
    with refusing("INSERT", TABLE):
        write_counts()
    assert acts() == []
    write_counts()
    assert [detail.partition(",")[0] for _, _, detail in acts()] == [
        "3 more failed sign-ins in the minute from 2026-07-01 12:00 UTC on"
    ]


@pytest.mark.slow
def test_a_server_that_ends_writes_what_it_counted(cast: object, tmp_path: Path) -> None:
    with serve(tmp_path, 1, with_static_files(tmp_path)) as server:
        browser = requests.Session()
        for _ in range(RECORDED_PER_MINUTE + 2):
            browser.get(server.url + LOGIN, timeout=10)
            form = {"username": "eve", "password": "wrong", "csrfmiddlewaretoken": browser.cookies["csrf"]}
            assert browser.post(server.url + LOGIN, data=form, timeout=10).status_code == 200
    details = [detail.partition(" in ")[0] for _, _, detail in acts()]
    assert details[RECORDED_PER_MINUTE:] == ["2 more failed sign-ins"]
