"""Permitted and actual access to an audience: from the history of the configuration, and from the counts."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone

from audit.models import Inspection
from console.reports.access_history import accesses
from console.reports.access_report import Line, report
from console.reports.intervals import Interval
from issuers.versioning.history import Source, authored
from relying_parties.models import ClaimTemplate, RelyingParty
from tests.console.pages import body_of
from tests.console.test_activity import counted
from tests.support.cast import INVOICES, YOUR_APPLICATION, Cast, new_grant, new_relying_party

PAGE, CSV = "/admin/audit/access/", "/admin/audit/access/report.csv"


def day(number: int) -> datetime:
    return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=number)


@pytest.fixture
def history(cast: Cast) -> Any:
    """Dates the newest history row of an object, as if it had been made then."""

    def dated(row: Any, at: datetime) -> None:
        # A history is append-only where it is sealed, not yet for a row of this moment.
        newest = type(row).history.filter(id=row.pk).order_by("-history_id").first()
        type(row).history.filter(history_id=newest.history_id).update(history_date=at)

    for row in (cast.oidc_m2m, cast.invoices, cast.your_application, cast.seed_template):
        dated(row, day(-100))
    return dated


def lines_of(cast: Cast, *, audience: str = INVOICES, since: int = 0, until: int = 30) -> dict[str, Line]:
    found = report(
        issuer=cast.oidc_m2m, audience=audience, since=day(since), until=day(until), now=timezone.now()
    )
    return {line.client_id: line for line in found.lines}


def could(cast: Cast, client_id: str, audience: str = INVOICES) -> list[Interval]:
    return list(accesses(cast.oidc_m2m, audience)[client_id].could)


def new_client(cast: Cast, dated: Any, at: datetime, **options: Any) -> tuple[RelyingParty, Any]:
    party = new_relying_party(cast.oidc_m2m, "payroll", **options)
    dated(party, at)
    grant = new_grant(party, cast.invoices, ["invoices.read"])
    dated(grant, at)
    return party, grant


def test_it_could_from_its_grant_on(cast: Cast, history: Any) -> None:
    _, grant = new_client(cast, history, day(1))
    history(grant, day(2))
    assert could(cast, "payroll") == [Interval(day(2), None)]


def test_a_change_of_the_grant_ends_nothing(cast: Cast, history: Any) -> None:
    _, grant = new_client(cast, history, day(1))
    grant.scopes = ["invoices.write"]
    grant.save()
    history(grant, day(5))
    assert could(cast, "payroll") == [Interval(day(1), None)]


def test_it_could_no_more_after_its_grant_was_deleted_and_again_with_a_new_one(
    cast: Cast, history: Any
) -> None:
    party, grant = new_client(cast, history, day(1))
    pk = grant.pk
    grant.delete()
    grant.pk = pk
    history(grant, day(4))
    history(new_grant(party, cast.invoices, []), day(6))
    assert could(cast, "payroll") == [Interval(day(1), day(4)), Interval(day(6), None)]


def test_it_could_not_while_it_was_disabled(cast: Cast, history: Any) -> None:
    party, _ = new_client(cast, history, day(1))
    for at, is_active in ((day(3), False), (day(5), True)):
        party.is_active = is_active
        party.save()
        history(party, at)
    assert could(cast, "payroll") == [Interval(day(1), day(3)), Interval(day(5), None)]


def test_it_could_not_while_its_issuer_was_inactive(cast: Cast, history: Any) -> None:
    new_client(cast, history, day(1))
    cast.oidc_m2m.is_active = False
    cast.oidc_m2m.save()
    history(cast.oidc_m2m, day(8))
    assert could(cast, "payroll") == [Interval(day(1), day(8))]


def test_it_could_only_within_its_own_validity(cast: Cast, history: Any) -> None:
    party, _ = new_client(cast, history, day(1))
    party.valid_from, party.valid_until = day(2), day(9)
    party.save()
    history(party, day(1))
    assert could(cast, "payroll") == [Interval(day(2), day(9))]


def test_those_that_were_deleted_since_are_reported(cast: Cast, history: Any) -> None:
    party, grant = new_client(cast, history, day(1))
    party_pk, grant_pk = party.pk, grant.pk
    party.delete()
    party.pk, grant.pk = party_pk, grant_pk
    history(party, day(6))
    history(grant, day(6))
    line = lines_of(cast)["payroll"]
    assert (line.relying_party_id, line.could, line.can_now) == (None, (Interval(day(1), day(6)),), False)
    assert [(act.act, act.at) for act in line.acts] == [("granted", day(1)), ("withdrawn", day(6))]


def test_a_template_that_sets_another_audience_leaves_none(cast: Cast, history: Any) -> None:
    template = ClaimTemplate(name="fixed", claims={"aud": [YOUR_APPLICATION]}, headers={})
    template.checked().save()
    history(template, day(0))
    party, _ = new_client(cast, history, day(1))
    history(new_grant(party, cast.your_application, []), day(1))
    party.claim_template = template
    party.save()
    history(party, day(4))
    assert could(cast, "payroll") == [Interval(day(1), day(4))]
    assert could(cast, "payroll", YOUR_APPLICATION) == [Interval(day(1), None)]


def test_a_template_that_takes_the_audience_of_the_grant_leaves_it_open(cast: Cast, history: Any) -> None:
    template = ClaimTemplate(name="open", claims={"aud": "${grant.audience}"}, headers={})
    template.checked().save()
    history(template, day(0))
    new_client(cast, history, day(1), template=template)
    assert could(cast, "payroll") == [Interval(day(1), None)]


def test_an_audience_that_was_renamed_counts_while_it_had_the_name(cast: Cast, history: Any) -> None:
    new_client(cast, history, day(1))
    cast.invoices.identifier = "https://bills.example"
    cast.invoices.save()
    history(cast.invoices, day(5))
    assert could(cast, "payroll") == [Interval(day(1), day(5))]
    assert could(cast, "payroll", "https://bills.example") == [Interval(day(5), None)]


def test_it_tells_who_granted_and_through_which_channel(cast: Cast, history: Any) -> None:
    party = new_relying_party(cast.oidc_m2m, "payroll")
    history(party, day(1))
    with authored(actor="olga", source=Source.ADMIN):
        grant = new_grant(party, cast.invoices, ["invoices.read"])
    history(grant, day(2))
    (act,) = lines_of(cast)["payroll"].acts
    assert (act.actor, act.source, act.scopes, act.at) == ("olga", "Admin", ("invoices.read",), day(2))


def test_it_counts_what_each_did_within_the_range(cast: Cast) -> None:
    hour = timedelta(hours=1)
    counted(cast, 5, hour=day(0), audience=INVOICES)
    counted(cast, 3, hour=day(2) + hour, audience=f"{YOUR_APPLICATION} {INVOICES}")
    counted(cast, 2, hour=day(3), audience=f"{INVOICES} x y", outcome="refused", error="invalid_scope")
    counted(cast, 7, hour=day(30), audience=INVOICES)
    counted(cast, 7, hour=day(0) - hour, audience=INVOICES)
    counted(cast, 9, hour=day(2), audience=f"{INVOICES}/v2")
    counted(cast, 9, hour=day(2), audience=INVOICES.upper())
    counted(cast, 9, hour=day(2), audience=f"{INVOICES.upper()} x")
    counted(cast, 1, hour=day(2), audience=f"x {INVOICES} y")
    counted(cast, 9, hour=day(2), audience=f"x{INVOICES} y")
    counted(cast, 9, hour=day(2), audience=INVOICES, outcome="failed", error="server_error")
    counted(cast, 9, hour=day(2), audience=INVOICES, issuer=cast.other.url)
    use = lines_of(cast)["billing"].use
    assert (use.issued, use.refused, use.first, use.last) == (9, 2, day(0), day(3))


def test_those_that_got_most_come_first_then_those_that_were_refused_most(cast: Cast) -> None:
    counted(cast, 1, hour=day(2), audience=INVOICES, client_id="few")
    counted(cast, 9, hour=day(2), audience=INVOICES, client_id="most")
    for client_id, requests in (("alike-2", 3), ("alike-1", 3), ("refused", 7)):
        counted(
            cast, requests, hour=day(2), audience=INVOICES, client_id=client_id, outcome="refused", error="e"
        )
    assert list(lines_of(cast)) == ["most", "few", "refused", "alike-1", "alike-2"]


def test_what_is_outside_the_range_is_not_shown(cast: Cast, history: Any) -> None:
    _, grant = new_client(cast, history, day(1))
    pk = grant.pk
    grant.delete()
    grant.pk = pk
    history(grant, day(4))
    assert lines_of(cast, since=2, until=3)["payroll"].could == (Interval(day(2), day(3)),)
    assert [act.act for act in lines_of(cast, since=2, until=3)["payroll"].acts] == ["granted"]
    assert "payroll" not in lines_of(cast, since=5, until=6)


def test_it_remarks_on_what_does_not_fit(cast: Cast, history: Any) -> None:
    new_client(cast, history, day(1))
    history(cast.billing, day(1))
    for grant in cast.billing.grants.all():
        history(grant, day(1))
    counted(cast, 1, hour=day(2), audience=INVOICES)
    counted(cast, 1, hour=day(2), audience=INVOICES, client_id="unheard-of")
    cast.billing.is_active = False
    cast.billing.save()
    remarks = {client_id: line.remark for client_id, line in lines_of(cast).items()}
    assert remarks == {
        "billing": "got tokens, and cannot now",
        "payroll": "could, and never did",
        "unheard-of": "got tokens while the history does not show that it could",
    }


def asked(cast: Cast, **other: str) -> dict[str, str]:
    return {
        "issuer": cast.oidc_m2m.url,
        "audience": INVOICES,
        "since": "2026-03-01T00:00:00",
        "until": "2026-03-31T00:00:00",
    } | other


@pytest.mark.contract("P10.4")
def test_the_report_is_taken_away_as_csv_and_that_is_written_down(cast: Cast, auditor: Client) -> None:
    counted(cast, 4, hour=day(2), audience=INVOICES, client_id="=cmd|' /C calc'!A0")
    rows = list(csv.DictReader(io.StringIO(body_of(auditor, f"{CSV}?{urlencode(asked(cast))}"))))
    assert [(row["client_id"], row["issued"], row["can_now"]) for row in rows] == [
        ("'=cmd|' /C calc'!A0", "4", "no")
    ]
    inspection = Inspection.objects.get()
    assert (inspection.act, inspection.actor, inspection.source, inspection.rows) == (
        "export",
        "aud",
        "admin",
        1,
    )
    assert INVOICES in inspection.filter


def test_the_csv_tells_of_each_client_in_one_row(cast: Cast, auditor: Client, history: Any) -> None:
    party = new_relying_party(cast.oidc_m2m, "payroll")
    history(party, day(1))
    with authored(actor="olga", source=Source.ADMIN):
        grant = new_grant(party, cast.invoices, ["invoices.read"])
    history(grant, day(2))
    party.valid_until = day(20)
    party.save()
    history(party, day(3))
    counted(cast, 4, hour=day(2), audience=INVOICES, client_id="payroll")
    counted(cast, 1, hour=day(5), audience=INVOICES, client_id="payroll", outcome="refused", error="e")
    rows = list(csv.DictReader(io.StringIO(body_of(auditor, f"{CSV}?{urlencode(asked(cast))}"))))
    assert [row for row in rows if row["client_id"] == "payroll"] == [
        {
            "client_id": "payroll",
            "name": party.name,
            "could": "2026-03-03T00:00:00Z to 2026-03-21T00:00:00Z",
            "can_now": "no",
            "granted": "granted 2026-03-03T00:00:00Z by olga (Admin)",
            "issued": "4",
            "refused": "1",
            "first_hour": "2026-03-03 00:00:00+00:00",
            "last_hour": "2026-03-06 00:00:00+00:00",
            "remark": "got tokens, and cannot now",
        }
    ]


def test_the_page_leads_to_the_requests_and_to_the_timeline_of_who_is_gone(
    cast: Cast, auditor: Client, history: Any
) -> None:
    new_client(cast, history, day(1))
    counted(cast, 4, hour=day(2), audience=INVOICES, client_id="gone")
    page = body_of(auditor, f"{PAGE}?{urlencode(asked(cast))}").replace("&amp;", "&")
    times = {"since": "2026-03-01T00:00:00", "until": "2026-03-31T00:00:00"}
    one = {"client": "gone", "issuer": cast.oidc_m2m.url}
    assert f'href="/admin/audit/issuanceevent/?{urlencode(times | one)}&outcome=issued"' in page
    timeline = {"issuer": cast.oidc_m2m.url, "client": "gone"}
    assert f'href="/admin/audit/timeline/?{urlencode(timeline)}"' in page
    assert "1 could, 1 did." in page


def test_the_page_says_the_same(cast: Cast, auditor: Client) -> None:
    counted(cast, 4, hour=day(2), audience=INVOICES)
    page = body_of(auditor, f"{PAGE}?{urlencode(asked(cast))}")
    assert "0 could, 1 did." in page
    assert not Inspection.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"issuer": "https://nobody.example"}, "Select a valid choice."),
        ({"audience": ""}, "This field is required."),
        ({"audience": "\x00"}, "Null characters are not allowed."),
        ({"since": "2026-04-01T00:00:00"}, "“From” must be before “until”."),
    ],
)
def test_a_wrong_question_is_answered_by_what_is_wrong(
    cast: Cast, auditor: Client, wrong: dict[str, str], problem: str
) -> None:
    answer = auditor.get(PAGE, asked(cast, **wrong))
    assert (answer.status_code, problem in answer.content.decode()) == (400, True)
    assert auditor.get(CSV, asked(cast, **wrong)).status_code == 400


def test_the_empty_form_is_no_mistake(cast: Cast, auditor: Client) -> None:
    assert auditor.get(PAGE).status_code == 200
    assert INVOICES in body_of(auditor, PAGE)
