"""P10.25: the list of requests says what refused them, names API and credential, and is filtered by them."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from audit.models import IssuanceEvent
from audit.reading.filters import EventFilter
from audit.reading.reasons import OTHERWISE, REASONS, reason_of, reason_text
from audit.writing.entry import Entry
from audit.writing.record import record
from console.admin_base.instants import ago
from console.requests.quick_ranges import quick_ranges
from issuance.wire.errors import OAuthError
from relying_parties.secrets.credentials import revoke_secret
from tests.console.pages import body_of, federate
from tests.support.cast import INVOICES, YOUR_APPLICATION, Cast
from tests.support.wire import ask, basic, last_event

LIST = "/admin/audit/issuanceevent/"
pytestmark = pytest.mark.contract("P10.25")


def row(**columns: Any) -> None:
    """A refusal, now, with these columns."""
    now = columns.pop("at", timezone.now())
    refused = {"issuer": "http://127.0.0.1:8000/oidc_m2m", "outcome": "refused", "http_status": 401}
    refused |= {"error": "invalid_client", "detail": "The secret is none of those registered."}
    record(Entry(at=now, request_id="r", columns=refused | columns))


def listed(browser: Client, **asked: str) -> list[str]:
    return [line.event.client_id for line in browser.get(LIST, asked).context["cl"].lines]


def exported(browser: Client, **asked: str) -> list[str]:
    text = browser.get(f"{LIST}export.csv", asked).getvalue().decode()
    return [line["client_id"] for line in csv.DictReader(io.StringIO(text, newline=""))][::-1]


def test_a_line_says_when_who_for_what_with_what_result_by_what_and_from_where(
    cast: Cast, auditor: Client
) -> None:
    cast.invoices.name = "Invoices API"
    cast.invoices.save()
    ask(auth=cast.basic("billing"))
    (line,) = auditor.get(LIST).context["cl"].lines
    secret = cast.billing.secrets.get()
    assert line.at == f"{line.event.at:%Y-%m-%d %H:%M} UTC"
    assert line.ago == "just now"
    assert line.client.text == "billing"
    assert [(cell.text, cell.title) for cell in line.apis] == [("Invoices API", INVOICES)]
    assert (line.outcome.text, line.reason.text) == ("Issued", "")
    assert line.credential.text == f"secret first …{secret.hint}"
    assert line.credential.link == f"/admin/audit/credential/secret:{secret.pk}/"
    assert line.address.text == "192.0.2.7"


def test_who_may_not_see_the_configuration_sees_no_names_of_it(cast: Cast) -> None:
    cast.invoices.name = "Invoices API"
    cast.invoices.save()
    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_issuanceevent"))
    browser = Client()
    browser.force_login(reader)
    ask(auth=cast.basic("billing"))
    (line,) = browser.get(LIST).context["cl"].lines
    assert [cell.text for cell in line.apis] == [INVOICES]
    assert line.credential.text == last_event().credential
    assert line.credential.link.startswith("?credential=")


def test_a_deleted_credential_keeps_its_label(cast: Cast, auditor: Client) -> None:
    ask(auth=cast.basic("billing"))
    secret = cast.billing.secrets.get()
    hint = secret.hint
    secret.delete()
    (line,) = auditor.get(LIST).context["cl"].lines
    assert line.credential.text == f"secret first …{hint}, deleted"


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"auth": basic("nobody", "x")}, "unknown client"),
        ({"auth": basic("billing", "x")}, "wrong secret"),
        ({"auth": "Bearer x"}, "malformed Authorization header"),
        ({"auth": "Basic !"}, "malformed Authorization header"),
        ({}, "no credential sent"),
        ({"auth": "retired"}, "client disabled"),
        ({"auth": "reports"}, "another method than registered"),
        ({"auth": "billing", "parameters": {"scope": "admin"}}, "API not named"),
        ({"auth": "billing", "parameters": {"scope": "admin", "resource": INVOICES}}, "scope not granted"),
        ({"auth": "billing", "parameters": {"resource": "https://other.example"}}, "API not granted"),
        ({"auth": "billing", "parameters": {"scope": '"'}}, "malformed scope"),
        ({"auth": "billing", "parameters": {"grant_type": "password"}}, "malformed request"),
    ],
)
def test_a_refusal_has_its_reason_and_is_found_by_it(
    cast: Cast, auditor: Client, asked: dict[str, Any], reason: str
) -> None:
    row(client_id="before", error="server_error", detail="")
    if asked.get("auth") in cast.secrets:
        asked = asked | {"auth": cast.basic(asked["auth"])}
    ask(**{"parameters": {}} | asked)
    line = auditor.get(LIST).context["cl"].lines[0]
    assert line.reason.text == reason
    found = reason_of(error=line.event.error, detail=line.event.detail)
    if found:
        assert listed(auditor, reason=found.name) == [line.event.client_id]
        assert exported(auditor, reason=found.name) == [line.event.client_id]


@pytest.mark.parametrize(
    ("error", "detail", "name"),
    [
        ("invalid_client", "The relying party is not active.", "client_disabled"),
        (
            "invalid_client",
            "Every secret of the relying party has expired: generate a new one.",
            "no_live_secret",
        ),
        ("unauthorized_client", "192.0.2.7 is in none of the relying party's allowed networks.", "address"),
        ("unauthorized_client", "The relying party was valid until 2026-01-01T00:00:00+00:00.", "dates"),
    ],
)
def test_a_row_in_former_words_has_its_reason_and_is_found_by_it(
    cast: Cast, auditor: Client, error: str, detail: str, name: str
) -> None:
    row(client_id="old", error=error, detail=detail)
    row(client_id="other", error=error, detail="A text of another version.")
    lines = auditor.get(LIST).context["cl"].lines
    old = next(line for line in lines if line.event.client_id == "old")
    assert old.reason.text == next(reason.text for reason in REASONS if reason.name == name)
    assert listed(auditor, reason=name) == exported(auditor, reason=name) == ["old"]


def test_limits_of_a_client_and_an_ended_secret_have_their_reasons(cast: Cast, auditor: Client) -> None:
    client = cast.billing
    said = []
    for changed in (
        {"allowed_networks": ["10.0.0.0/8"]},
        {"allowed_networks": [], "valid_until": timezone.now() - timedelta(days=1)},
        {"valid_until": None, "requests_per_minute": 1},
    ):
        for name, value in changed.items():
            setattr(client, name, value)
        client.save()
        ask(auth=cast.basic("billing"))
        ask(auth=cast.basic("billing"))
        said.append(auditor.get(LIST).context["cl"].lines[0].reason.text)
    revoke_secret(client.secrets.get(), now=timezone.now())
    ask(auth=cast.basic("billing"))
    said.append(auditor.get(LIST).context["cl"].lines[0].reason.text)
    assert said == ["address not allowed", "outside the client's dates", "quota used up", "secret revoked"]


def test_every_error_of_the_wire_has_words_and_no_reason_hides_another() -> None:
    errors = {kind.error for kind in OAuthError.__subclasses__()}
    refused = errors - {"unsupported_response_type"}
    assert refused - OTHERWISE.keys() == set()
    assert {reason.error for reason in REASONS} <= refused
    for reason in REASONS:
        detail = f"{reason.begins[0]}…{reason.holds}"
        fitting = [other.name for other in REASONS if other.is_of(error=reason.error, detail=detail)]
        assert fitting == [reason.name]
    assert reason_text(error="", detail="") == ""


def test_the_code_that_refuses_says_what_reasons_are_recognised_by() -> None:
    code = "".join(path.read_text() for path in (settings.BASE_DIR / "issuance").rglob("*.py"))
    words = [start or reason.holds for reason in REASONS for start in reason.begins]
    assert [text for text in words if text not in code] == []


def test_the_filters_by_api_and_scope_find_whole_names_granted_or_asked_for(
    cast: Cast, auditor: Client
) -> None:
    row(client_id="both", audience="https://a.example https://b.example", scope="read write")
    row(client_id="asked", resource_requested="https://a.example", scope_requested="read")
    row(client_id="longer", audience="https://a.example/v2", scope="readall")
    row(client_id="capital", audience="HTTPS://A.EXAMPLE", scope="READ")
    assert listed(auditor, api="https://a.example") == ["asked", "both"]
    assert listed(auditor, scope="read") == ["asked", "both"]
    assert listed(auditor, scope="write", api="https://b.example") == ["both"]
    assert listed(auditor, api="https://a.example", client="asked") == ["asked"]
    assert listed(auditor, api="example") == []


@pytest.mark.parametrize(
    "asked",
    [
        {"api": INVOICES},
        {"scope": "invoices.read"},
        {"reason": "wrong_secret"},
        {"reason": "wrong_secret", "error": "invalid_scope"},
        {"reason": "wrong_secret", "client": "billing"},
        {"api": YOUR_APPLICATION, "outcome": "issued"},
        {"api": INVOICES, "address": "192.0.2.7"},
    ],
)
def test_the_export_holds_what_the_list_shows(cast: Cast, auditor: Client, asked: dict[str, str]) -> None:
    ask(auth=cast.basic("billing"))
    ask(auth=cast.basic("billing"), parameters={"resource": YOUR_APPLICATION, "scope": "invoices.read"})
    ask(auth=basic("billing", "wrong"))
    ask(auth=basic("reports", "wrong"))
    row(client_id="other", error="invalid_scope", detail="Not granted on x: y.")
    assert exported(auditor, **asked) == listed(auditor, **asked)
    assert listed(auditor, **asked) or "error" in asked


def test_the_export_is_written_down_with_the_new_filters() -> None:
    chosen = EventFilter(api=INVOICES, scope="a", reason="quota", client="c")
    assert str(chosen) == f"client c, api {INVOICES}, scope a, reason quota"


@pytest.mark.parametrize("name", ["api", "scope", "reason"])
def test_what_no_index_serves_looks_through_so_many_rows_and_says_how_far(
    cast: Cast, auditor: Client, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("audit.reading.pages.MAX_LOOKED_AT_IN_TIME", 10)
    monkeypatch.setattr("audit.reading.pages.MAX_LOOKED_AT", 10)
    wanted = {
        "api": {"audience": "https://rare.example"},
        "scope": {"scope": "rare"},
        "reason": {"detail": "No such client at this issuer."},
    }
    asked = {"api": "https://rare.example", "scope": "rare", "reason": "unknown_client"}
    row(client_id="rare", **wanted[name])
    for _ in range(25):
        row(client_id="usual")
    page, found, steps = auditor.get(LIST, {name: asked[name]}), [], 0
    while further := page.context["cl"].further:
        assert "10 requests were looked through, back to" in " ".join(page.text.split())
        found += page.context["cl"].lines
        page, steps = auditor.get(LIST + further), steps + 1
    found += page.context["cl"].lines
    assert [line.event.client_id for line in found] == ["rare"]
    assert steps == 2


def test_a_range_that_ends_before_it_begins_is_named_and_nothing_else_shown(
    cast: Cast, auditor: Client
) -> None:
    row(client_id="there")
    asked = {"since": "2026-02-01T00:00:00", "until": "2026-01-01T00:00:00"}
    page = auditor.get(LIST, asked)
    assert "The range ends before it begins" in page.text
    assert page.context["cl"].lines == ()
    assert "No request is like that." not in page.text
    refused = auditor.get(f"{LIST}export.csv", asked)
    assert (refused.status_code, b"ends before it begins" in refused.content) == (400, True)


def test_quick_ranges_keep_the_other_filters(cast: Cast, auditor: Client) -> None:
    row(client_id="now")
    row(client_id="old", at=timezone.now() - timedelta(hours=3))
    ranges = dict(auditor.get(LIST, {"outcome": "refused", "until": "2020-01-01"}).context["cl"].quick_ranges)
    assert list(ranges) == ["1 h", "24 h", "7 days", "last month"]
    assert all("outcome=refused" in query for query in ranges.values())
    shown = auditor.get(LIST + ranges["1 h"]).context["cl"].lines
    assert [line.event.client_id for line in shown] == ["now"]
    assert len(auditor.get(LIST + ranges["24 h"]).context["cl"].lines) == 2


def test_the_last_month_is_that_of_the_calendar() -> None:
    ranges = quick_ranges(datetime(2026, 1, 31, 12, 30, tzinfo=UTC))
    assert ranges["last month"] == {"since": "2025-12-01T00:00:00", "until": "2026-01-01T00:00:00"}
    assert ranges["24 h"] == {"since": "2026-01-30T12:30:00"}


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=3, seconds=5), "3 min ago"),
        (timedelta(hours=5, minutes=59), "5 h ago"),
        (timedelta(days=1), ""),
        (timedelta(seconds=-1), ""),
    ],
)
def test_how_long_ago_is_said_of_the_last_day(age: timedelta, words: str) -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    assert ago(now - age, now=now) == words


def test_a_page_of_many_credentials_asks_for_their_names_at_once(
    cast: Cast, auditor: Client, django_assert_max_num_queries: Any
) -> None:
    pod = federate(cast.billing)
    for number in range(20):
        row(credential=f"secret:{number}", audience=INVOICES)
        row(credential=f"federated:{pod.pk}")
        row(credential=f"key:{number}:{'k' * 43}")
    auditor.get(LIST)
    with django_assert_max_num_queries(40):
        auditor.get(LIST)
    assert "workload pod" in body_of(auditor, LIST)
    assert IssuanceEvent.objects.count() == 60
