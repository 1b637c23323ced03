"""What became of a client: its configuration and its requests in one line of time, as long as they are on record."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from audit.models import IssuanceEvent
from audit.writing.entry import Entry
from audit.writing.record import record
from console.clients import timeline as client_timeline
from console.clients.timeline import timeline
from console.requests.event_runs import runs
from issuers.versioning.history import Source, authored
from relying_parties.models import ClientSecret
from relying_parties.secrets.credentials import add_generated_secret
from tests.console.pages import body_of
from tests.support.cast import Cast
from tests.support.wire import ask

PAGE = "/admin/audit/timeline/"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def of(cast: Cast) -> str:
    return f"/admin/relying_parties/relyingparty/{cast.billing.pk}/timeline/"


def refused(cast: Cast, at: datetime, **columns: Any) -> None:
    row = {
        "issuer": cast.oidc_m2m.url,
        "client_id": "billing",
        "outcome": "refused",
        "http_status": 400,
        "error": "invalid_scope",
        "ip": "192.0.2.7",
    }
    record(Entry(at=at, request_id="request", columns=row | columns))


def events(*instants: datetime, **columns: str) -> list[IssuanceEvent]:
    return [IssuanceEvent(at=at, outcome="refused", error="invalid_scope", **columns) for at in instants]


def texts(cast: Cast, **asked: Any) -> list[str]:
    found = timeline(issuer=cast.oidc_m2m.url, client_id="billing", **asked)
    return [entry.requests.text if entry.requests else f"{entry.change.kind}: {entry.change.what}"  # type: ignore[union-attr]
            for entry in found.entries]  # fmt: skip


def test_requests_that_say_the_same_within_an_hour_are_one() -> None:
    found = runs(events(NOON + 59 * MINUTE, NOON + 10 * MINUTE, NOON, NOON - MINUTE))
    assert [(run.requests, run.first, run.last) for run in found] == [
        (3, NOON, NOON + 59 * MINUTE),
        (1, NOON - MINUTE, NOON - MINUTE),
    ]


def test_a_change_parts_the_requests_before_it_from_those_after() -> None:
    found = runs(events(NOON + 3 * MINUTE, NOON + 2 * MINUTE, NOON), [NOON + 2 * MINUTE, NOON - MINUTE])
    assert [run.requests for run in found] == [2, 1]


def test_each_reason_and_credential_is_a_line_of_its_own() -> None:
    told = [*events(NOON), *events(NOON, credential="secret:1"), *events(NOON, credential="secret:2")]
    assert len(runs(told)) == 3


def test_a_line_says_how_many_with_what_and_from_where(cast: Cast) -> None:
    secret = ClientSecret.objects.get(relying_party=cast.billing)
    for number in range(3):
        ask(auth=cast.basic("billing"), peer=f"192.0.2.{1 + number % 2}")
    found = [text for text in texts(cast) if "issued" in text]
    assert found == [f"3 tokens issued, with secret {secret.label} …{secret.hint}, from 2 addresses"]


def test_a_refusal_names_its_reason_and_leads_to_the_record(cast: Cast, auditor: Client) -> None:
    refused(cast, NOON)
    refused(cast, NOON + MINUTE, error="invalid_target")
    entries = timeline(issuer=cast.oidc_m2m.url, client_id="billing", until=NOON + 2 * MINUTE).entries
    told = [entry.requests for entry in entries if entry.requests]
    assert [line.text for line in told] == [
        "1 request refused: invalid_target, from 192.0.2.7",
        "1 request refused: invalid_scope, from 192.0.2.7",
    ]
    assert parse_qs(urlsplit(told[0].link).query)["error"] == ["invalid_target"]
    assert [event.error for event in auditor.get(told[0].link).context["cl"].result_list] == [
        "invalid_target"
    ]


def test_changes_of_the_client_and_of_what_belongs_to_it_stand_among_its_requests(cast: Cast) -> None:
    with authored(actor="olga", source=Source.ADMIN):
        _, text = add_generated_secret(relying_party=cast.billing, label="second")
        cast.billing.description = f"its secret is {text}"
        cast.billing.save()
    ask(auth=cast.basic("billing"))
    found = timeline(issuer=cast.oidc_m2m.url, client_id="billing")
    assert found.entries[0].requests
    changes = [entry.change for entry in found.entries if entry.change]
    assert [(change.kind, change.actor, change.source) for change in changes[:2]] == [
        ("Changed", "olga", "Admin"),
        ("Created", "olga", "Admin"),
    ]
    assert "its secret is [secret]" in {field.after for field in changes[0].fields}
    assert any("access grant" in change.what for change in changes)
    assert text not in repr(found)


def test_the_template_it_used_is_shown_too(cast: Cast) -> None:
    cast.seed_template.claims = cast.seed_template.claims | {"your_claim": "other"}
    cast.seed_template.save()
    entries = timeline(issuer=cast.oidc_m2m.url, client_id="reports").entries
    assert any(entry.change and entry.change.what == "claim template seed" for entry in entries)


def test_another_issuers_client_of_the_same_name_is_another(cast: Cast) -> None:
    refused(cast, NOON, issuer=cast.other.url)
    found = timeline(issuer=cast.oidc_m2m.url, client_id="billing", until=NOON)
    assert found.entries == ()


@pytest.mark.parametrize("most", [1, 2, 3, 7])
def test_pages_tell_everything_once(cast: Cast, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(client_timeline, "MAX_EVENTS", most)
    monkeypatch.setattr(client_timeline, "MAX_CHANGES", most)
    for number in range(7):
        refused(cast, NOON + number * MINUTE, error=("invalid_scope", "invalid_target")[number % 2])
    requests, changes, until = 0, 0, None
    for _ in range(40):
        page = timeline(issuer=cast.oidc_m2m.url, client_id="billing", until=until)
        requests += sum(entry.requests.run.requests for entry in page.entries if entry.requests)
        changes += sum(1 for entry in page.entries if entry.change)
        until = page.older
        if until is None:
            break
    assert (until, requests) == (None, 7)
    monkeypatch.undo()
    whole = timeline(issuer=cast.oidc_m2m.url, client_id="billing")
    assert changes == sum(1 for entry in whole.entries if entry.change)


def test_a_page_moves_on_though_all_came_at_one_instant(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_timeline, "MAX_EVENTS", 2)
    for at in (NOON, NOON, NOON, NOON - MINUTE):
        refused(cast, at)
    page = timeline(issuer=cast.oidc_m2m.url, client_id="billing", until=NOON)
    assert page.older is not None
    assert page.older < NOON
    assert texts(cast, until=page.older) == ["1 request refused: invalid_scope, from 192.0.2.7"]


def test_the_page_reads_no_more_than_fits(
    cast: Cast, auditor: Client, django_assert_max_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_timeline, "MAX_CHANGES", 5)
    for number in range(30):
        cast.billing.description = f"{number}"
        cast.billing.save()
        refused(cast, timezone.now())
    with django_assert_max_num_queries(60):
        assert auditor.get(of(cast)).status_code == 200


def test_it_outlives_its_relying_party(cast: Cast, auditor: Client) -> None:
    ask(auth=cast.basic("billing"))
    cast.billing.delete()
    page = body_of(auditor, f"{PAGE}?issuer={cast.oidc_m2m.url}&client=billing")
    assert "1 token issued" in page
    assert "Deleted: client" in page
    assert "It has no client with this client ID now" in page


def test_the_page_of_the_relying_party_leads_there_and_on(
    cast: Cast, auditor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert of(cast) in body_of(auditor, f"/admin/relying_parties/relyingparty/{cast.billing.pk}/change/")
    monkeypatch.setattr(client_timeline, "MAX_CHANGES", 2)
    answer = auditor.get(of(cast))
    older = auditor.get(of(cast) + answer.context["older"])
    assert older.status_code == 200
    assert older.context["timeline"].entries
    assert older.context["timeline"].entries[0].at < answer.context["timeline"].entries[-1].at


@pytest.mark.parametrize(
    "wrong",
    [
        "client=billing",
        "issuer=x&client=y&until=yesterday",
        "issuer=x&client=%00",
        f"issuer=x&client={256 * 'y'}",
    ],
)
def test_a_wrong_question_is_answered_by_what_is_wrong(cast: Cast, auditor: Client, wrong: str) -> None:
    assert auditor.get(f"{PAGE}?{wrong}").status_code == 400


def test_a_client_that_nobody_knows_has_an_empty_page(cast: Cast, auditor: Client) -> None:
    assert "Nothing is on record" in body_of(auditor, f"{PAGE}?issuer=https://x.example&client=y")
    assert auditor.get("/admin/relying_parties/relyingparty/999999/timeline/").status_code == 404
