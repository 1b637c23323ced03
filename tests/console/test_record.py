"""The pages of the record: no count, keyset pages, filters in the URL, and an export without formulas."""

import csv
import io
import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from audit.exporting.csv_export import neutralised
from audit.models import Inspection, IssuanceEvent
from audit.writing.entry import Entry
from audit.writing.record import record
from tests.console.pages import body_of, federate
from tests.support.cast import INVOICES, Cast
from tests.support.wire import ask, last_event

LIST = "/admin/audit/issuanceevent/"
EXPORT = f"{LIST}export.csv"


def refusals(count: int, **columns: Any) -> None:
    now = timezone.now()
    for number in range(count):
        refused = {"issuer": "http://127.0.0.1:8000/oidc_m2m", "outcome": "refused", "http_status": 401}
        row = refused | {"error": "invalid_client", "client_id": f"client-{number}"} | columns
        record(Entry(at=now, request_id=f"request-{number}", columns=row))


def listed(browser: Client, **asked: Any) -> list[str]:
    return [event.client_id for event in browser.get(LIST, asked).context["cl"].result_list]


def test_the_list_never_counts_and_never_looks_for_distinct_values(cast: Cast, auditor: Client) -> None:
    refusals(60)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        auditor.get(LIST)
    about_events = [query["sql"] for query in queries if 'FROM "audit_issuanceevent"' in query["sql"]]
    assert len(about_events) == 1
    assert "LIMIT 51" in about_events[0]
    assert not [sql for sql in about_events if "COUNT(" in sql or "DISTINCT" in sql or "OFFSET" in sql]


def test_pages_go_from_the_newest_to_the_oldest_and_back(cast: Cast, auditor: Client) -> None:
    refusals(120)
    names = [f"client-{number}" for number in reversed(range(120))]
    first = auditor.get(LIST).context["cl"]
    second = auditor.get(LIST + first.older).context["cl"]
    third = auditor.get(LIST + second.older).context["cl"]
    pages = [[event.client_id for event in page.result_list] for page in (first, second, third)]
    assert pages == [names[:50], names[50:100], names[100:]]
    assert (first.newer, third.older) == ("", "")
    back = auditor.get(LIST + third.newer).context["cl"]
    assert [event.client_id for event in back.result_list] == pages[1]


def test_a_page_goes_on_in_the_same_filter(cast: Cast, auditor: Client) -> None:
    refusals(60, client_id="busy")
    ask(auth=cast.basic("billing"))
    first = auditor.get(LIST, {"client": "busy", "outcome": "refused"}).context["cl"]
    assert {"client=busy", "outcome=refused"} < set(first.older.strip("?").split("&"))
    second = auditor.get(LIST + first.older).context["cl"]
    assert [event.client_id for event in second.result_list] == ["busy"] * 10
    assert "client=busy" in second.newer


def test_rows_of_one_instant_are_each_shown_once(cast: Cast, auditor: Client) -> None:
    at = timezone.now()
    for number in range(75):
        refused = {"issuer": "i", "outcome": "refused", "http_status": 401, "error": "invalid_client"}
        record(Entry(at=at, request_id=f"request-{number}", columns=refused))
    first = auditor.get(LIST).context["cl"]
    second = auditor.get(LIST + first.older).context["cl"]
    shown = [event.request_id for page in (first, second) for event in page.result_list]
    assert shown == [f"request-{number}" for number in reversed(range(75))]


def test_a_row_of_an_earlier_instant_stands_where_it_belongs(cast: Cast, auditor: Client) -> None:
    refusals(2)
    refused = {"issuer": "i", "outcome": "refused", "http_status": 401, "error": "invalid_client"}
    yesterday = timezone.now() - timedelta(days=1)
    record(Entry(at=yesterday, request_id="late", columns=refused | {"client_id": "late"}))
    assert listed(auditor) == ["client-1", "client-0", "late"]


@pytest.mark.parametrize("asked", [{"since": "nonsense"}, {"outcome": "made up"}, {"address": "no address"}])
def test_a_filter_that_cannot_be_is_reported_in_a_sentence(
    cast: Cast, auditor: Client, asked: dict[str, str]
) -> None:
    refusals(1)
    page = body_of(auditor, f"{LIST}?{urlencode(asked)}")
    assert "the filter has an invalid value" in page
    assert "No request is like that." not in page


def test_a_cell_leads_to_the_list_of_what_is_like_it(cast: Cast, auditor: Client) -> None:
    ask(auth=cast.basic("billing"))
    refusals(1)
    event, page = IssuanceEvent.objects.get(outcome="issued"), body_of(auditor, LIST)
    for name, value in {
        "issuer": event.issuer,
        "client": "billing",
        "api": INVOICES,
        "outcome": "issued",
        "error": "invalid_client",
        "address": "192.0.2.7",
    }.items():
        assert f'href="?{urlencode({name: value})}"' in page
        assert len(listed(auditor, **{name: value})) >= 1


def test_the_cell_of_an_issuer_that_is_gone_leads_to_its_list_too(cast: Cast, auditor: Client) -> None:
    gone = "http://127.0.0.1:8000/gone"
    refusals(2, issuer=gone)
    ask(auth=cast.basic("billing"))
    link = f"?{urlencode({'issuer': gone})}"
    assert f'href="{link}"' in body_of(auditor, LIST)
    assert listed(auditor, issuer=gone) == ["client-1", "client-0"]
    page = body_of(auditor, f"{LIST}{link}")
    assert f'<option value="{gone}" selected>{gone} (none of this server now)</option>' in page
    assert "(none of this server now)" not in body_of(auditor, f"{LIST}?issuer={cast.oidc_m2m.url}")
    assert len(body_of(auditor, f"{EXPORT}{link}").splitlines()) == 3


def test_a_search_that_finds_little_looks_at_so_many_rows_and_says_how_far(
    cast: Cast, auditor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit.reading.pages.MAX_LOOKED_AT", 10)
    refusals(1, client_id="busy", error="invalid_scope", ip="192.0.2.1")
    refusals(30, client_id="busy", error="invalid_client", ip="192.0.2.1")
    refusals(30, client_id="other", error="invalid_scope", ip="192.0.2.1")
    asked = {"client": "busy", "address": "192.0.2.1", "error": "invalid_scope"}
    page, found, steps = auditor.get(LIST, asked), [], 0
    while further := page.context["cl"].further:
        assert "requests were looked through, back to" in page.text
        found += page.context["cl"].result_list
        page, steps = auditor.get(LIST + further), steps + 1
    found += page.context["cl"].result_list
    assert [event.client_id for event in found] == ["busy"]
    assert steps >= 1


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"client": "client-1"}, ["client-1"]),
        ({"exactly": "request-2"}, ["client-2"]),
        ({"error": "invalid_client"}, ["client-2", "client-1", "client-0"]),
        ({"error": "invalid_scope"}, []),
        ({"outcome": "issued"}, ["billing"]),
        ({"issuer": "http://127.0.0.1:8000/other"}, []),
        ({"until": "2020-01-01T00:00:00"}, []),
        ({"since": "2020-01-01T00:00:00", "outcome": "issued"}, ["billing"]),
        ({"since": "nonsense"}, []),
        ({"client": "\x00"}, []),
        ({"issuer": "\x00"}, []),
        ({"outcome": "made up"}, []),
        ({"older_than": "' OR 1=1", "client": "client-1"}, ["client-1"]),
        ({"older_than": "9" * 18 + "-1", "client": "client-1"}, ["client-1"]),
        ({"address": "192.0.2.7"}, ["billing"]),
        ({"address": "no address"}, []),
        ({"kid": "nobody's"}, []),
        ({"client": "billing", "outcome": "issued", "address": "192.0.2.7"}, ["billing"]),
        ({"client": "billing", "outcome": "refused"}, []),
        ({"exactly": "request-2", "client": "client-1"}, []),
    ],
)
def test_the_filters_stand_in_the_url(
    cast: Cast, auditor: Client, asked: dict[str, str], found: list[str]
) -> None:
    ask(auth=cast.basic("billing"))
    refusals(3)
    assert listed(auditor, **asked) == found


def test_an_event_is_found_by_its_jti_and_its_credential(cast: Cast, auditor: Client) -> None:
    refusals(1)
    ask(auth=cast.basic("billing"))
    event = last_event()
    assert listed(auditor, exactly=event.jti) == ["billing"]
    assert listed(auditor, credential=event.credential) == ["billing"]
    assert listed(auditor, kid=event.kid) == ["billing"]


def test_the_page_of_an_event_leads_to_what_made_it(cast: Cast, auditor: Client) -> None:
    ask(auth=cast.basic("billing"))
    page = body_of(auditor, f"{LIST}{last_event().pk}/change/")
    for name, row in (("relying_parties_relyingparty", cast.billing), ("keys_signingkey", cast.key)):
        assert f'href="{reverse(f"admin:{name}_change", args=[row.pk])}"' in page
    assert "Not traced." in page


@pytest.mark.contract("P8.2", "P8.3")
def test_the_page_of_an_event_tells_to_what_its_token_is_bound(cast: Cast, auditor: Client) -> None:
    confirmation = f"x5t#S256:{43 * 'a'} jkt:{43 * 'b'}"
    refusals(1, confirmation=confirmation)
    assert confirmation in body_of(auditor, f"{LIST}{last_event().pk}/change/")


def test_the_page_of_an_event_outlives_its_relying_party(cast: Cast, auditor: Client) -> None:
    ask(auth=cast.basic("billing"))
    cast.billing.delete()
    assert "none of this issuer" in body_of(auditor, f"{LIST}{last_event().pk}/change/")


def test_the_page_of_an_event_of_a_client_that_is_gone_leads_to_its_timeline(
    cast: Cast, auditor: Client
) -> None:
    ask(auth=cast.basic("billing"))
    cast.billing.delete()
    page = f"/admin/audit/timeline/?{urlencode({'issuer': cast.oidc_m2m.url, 'client': 'billing'})}"
    assert f'href="{page.replace("&", "&amp;")}"' in body_of(auditor, f"{LIST}{last_event().pk}/change/")
    assert "1 token issued" in body_of(auditor, page)


def test_the_page_of_an_event_without_a_client_leads_to_no_timeline(cast: Cast, auditor: Client) -> None:
    refusals(1, client_id="")
    assert "/admin/audit/timeline/" not in body_of(auditor, f"{LIST}{last_event().pk}/change/")


def test_the_page_of_an_event_shows_its_trace(cast: Cast, auditor: Client) -> None:
    cast.billing.trace_until = timezone.now() + timedelta(hours=1)
    cast.billing.save()
    ask(auth=cast.basic("billing"))
    page = body_of(auditor, f"{LIST}{last_event().pk}/change/")
    assert "&quot;authorization&quot;: &quot;***&quot;" in page


def test_the_page_of_an_event_names_the_credential_that_proved_it(cast: Cast, auditor: Client) -> None:
    credential = federate(cast.billing)
    refusals(1, credential=f"federated:{credential.pk}")
    page = f"/admin/audit/credential/federated:{credential.pk}/"
    assert f'<a href="{page}">workload pod</a> (federated:{credential.pk})' in body_of(
        auditor, f"{LIST}{last_event().pk}/change/"
    )


@pytest.mark.parametrize(
    ("credential", "shown"),
    [
        (f"key:3:{'k' * 43}", "key kkkkkkkk…"),
        (f"certificate:3:{'c' * 43}", "certificate cccccccc…"),
    ],
)
def test_the_list_cuts_a_thumbprint_short(cast: Cast, auditor: Client, credential: str, shown: str) -> None:
    refusals(1, credential=credential)
    page = f"/admin/audit/credential/{credential}/"
    assert f'<a href="{page}" title="{credential}"><bdi>{shown}</bdi></a>' in body_of(auditor, LIST)


@pytest.mark.contract("P10.4")
@pytest.mark.parametrize(
    "start", ["\t", "\r", "\n", *"=+-@", *"\uff1d\uff0b\uff0d\uff20", "\ufe66", "\ufe63"]
)
def test_a_cell_is_no_formula(start: str) -> None:
    """In full width too, as spreadsheets of East Asia read it."""
    assert neutralised(f"{start}cmd|' /C calc'!A0") == f"'{start}cmd|' /C calc'!A0"


@pytest.mark.contract("P10.4")
@pytest.mark.parametrize("before", [" ", "\u3000", "\ufeff", "\0", " \n\t"])
def test_what_a_spreadsheet_trims_hides_no_formula(before: str) -> None:
    assert [neutralised(f"{before}{start}1") for start in "=\uff20"] == [f"'{before}=1", f"'{before}\uff201"]


def test_an_ordinary_cell_stays_as_it_is() -> None:
    assert [neutralised(value) for value in ("billing", 401, None, "a=b", " x")] == [
        "billing",
        "401",
        "",
        "a=b",
        " x",
    ]


@pytest.mark.contract("P10.4")
def test_the_export_holds_what_the_filter_lets_through_and_no_formula(cast: Cast, auditor: Client) -> None:
    refusals(1, client_id="=1+1", user_agent='@SUM("x")\n,', detail="-2", scope="\uff1d1+1", audience=" +1")
    refusals(2)
    ask(auth=cast.basic("billing"))
    rows = list(csv.DictReader(io.StringIO(body_of(auditor, f"{EXPORT}?outcome=refused"), newline="")))
    assert [row["client_id"] for row in rows] == ["'=1+1", "client-0", "client-1"]
    assert [rows[0][name][0] for name in ("user_agent", "detail", "scope", "audience")] == ["'"] * 4
    assert not [
        cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    ]


def test_the_export_streams_every_row(cast: Cast, auditor: Client) -> None:
    refusals(60)
    response = auditor.get(EXPORT)
    assert response.streaming
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"].startswith('attachment; filename="record-')
    assert response.getvalue().count(b"\r\n") == 61


def test_reading_leaves_the_record_as_it_was(cast: Cast, auditor: Client) -> None:
    refusals(2)
    before = json.dumps(list(IssuanceEvent.objects.values()), default=str)
    for page in (LIST, EXPORT, f"{LIST}{last_event().pk}/change/"):
        body_of(auditor, page)
    assert json.dumps(list(IssuanceEvent.objects.values()), default=str) == before


def inspections() -> list[tuple[str, str, str, int, str]]:
    """Oldest first."""
    rows = Inspection.objects.order_by("id")
    return [(row.actor, row.source, row.filter, row.rows, row.result) for row in rows]


def test_an_export_is_written_down_as_the_users_though_it_streams_after_the_request(
    cast: Cast, auditor: Client
) -> None:
    refusals(3)
    response = auditor.get(f"{EXPORT}?client=client-1&address=")
    assert inspections() == [("aud", "admin", "client client-1", 0, "csv: begun")]
    response.getvalue()
    assert inspections()[1:] == [("aud", "admin", "client client-1", 1, "csv: complete")]


def test_a_download_that_is_broken_off_is_written_down(cast: Cast, auditor: Client) -> None:
    refusals(3)
    auditor.get(EXPORT).close()
    assert [row[3:] for row in inspections()] == [(0, "csv: begun"), (0, "csv: broken off")]


def test_the_export_with_proofs_is_json_lines(cast: Cast, auditor: Client) -> None:
    refusals(2)
    response = auditor.get(f"{LIST}export.ndjson?client=client-1")
    head, row, end = map(json.loads, response.getvalue().splitlines())
    assert response.headers["Content-Type"] == "application/x-ndjson"
    assert response.headers["Content-Disposition"].endswith('.ndjson"')
    assert (head["export"]["chosen"], row["event"]["client_id"], end["end"]["rows"]) == (
        "client client-1", "client-1", 1,
    )  # fmt: skip
    assert inspections()[-1] == ("aud", "admin", "client client-1", 1, "ndjson: complete")


def test_a_filter_that_makes_no_sense_exports_nothing_and_says_so(cast: Cast, auditor: Client) -> None:
    response = auditor.get(f"{EXPORT}?since=nonsense")
    assert response.status_code == 400
    assert response.content.decode() == (
        "Nothing was exported. From (UTC): Write a time such as 2026-12-05 00:00.\n"
    )
    assert inspections() == []


def test_an_event_is_found_by_its_key_and_its_address(cast: Cast, auditor: Client) -> None:
    refusals(1, ip="192.0.2.9")
    ask(auth=cast.basic("billing"))
    assert listed(auditor, kid=last_event().kid) == ["billing"]
    assert listed(auditor, address="::ffff:192.0.2.9") == ["client-0"]
    assert listed(auditor, address="192.0.2") == []
