"""What was asked for in a time, as a chart with a table, from the hourly counts."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from audit.models import Checkpoint, HourlyCount, RefusalCount
from console.admin_base.charts.bar_chart import HEIGHT, LEFT, Bucket, chart, round_above
from tests.console.pages import body_of
from tests.support.cast import Cast

PAGE = "/admin/audit/activity/"
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
WEEK = {"since": "2026-03-02T00:00:00", "until": "2026-03-09T00:00:00"}
DAY = {"since": "2026-03-02T00:00:00", "until": "2026-03-03T00:00:00"}


def counted(cast: Cast, requests: int, *, hour: datetime = MONDAY, **columns: str) -> HourlyCount:
    """An hour's sum; issued to billing unless another client is given."""
    values = {"issuer": cast.oidc_m2m.url, "client_id": "billing", "outcome": "issued"} | columns
    digest = sha256(repr((hour, sorted(values.items()))).encode()).hexdigest()
    return HourlyCount.objects.create(hour=hour, requests=requests, digest=digest, **values)


def shown(browser: Client, **asked: str) -> Any:
    return browser.get(PAGE, asked).context["activity"]


def asked_by(link: str) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(urlsplit(link).query).items()}


def test_a_day_is_shown_by_hours_and_each_leads_to_its_requests(cast: Cast, auditor: Client) -> None:
    counted(cast, 12, hour=MONDAY + 3 * HOUR)
    counted(cast, 2, hour=MONDAY + 3 * HOUR, outcome="refused", error="invalid_scope")
    counted(cast, 1, hour=MONDAY - HOUR)
    counted(cast, 1, hour=MONDAY + 24 * HOUR)
    found = shown(auditor, **DAY)
    buckets = found.chart.buckets
    assert [(bucket.issued, bucket.refused) for bucket in buckets] == [
        (12, 2) if number == 3 else (0, 0) for number in range(24)
    ]
    assert (found.issued, found.refused, found.failed) == (12, 2, 0)
    assert asked_by(buckets[3].refused_link) == {
        "since": "2026-03-02T03:00:00",
        "until": "2026-03-02T04:00:00",
        "outcome": "refused",
    }


def test_a_week_is_shown_by_days(cast: Cast, auditor: Client) -> None:
    for number in range(7):
        counted(cast, number, hour=MONDAY + number * 24 * HOUR + 23 * HOUR)
    buckets = shown(auditor, **WEEK).chart.buckets
    assert [bucket.issued for bucket in buckets] == list(range(7))


def test_days_are_those_of_the_calendar_but_for_the_ends(cast: Cast, auditor: Client) -> None:
    buckets = shown(auditor, since="2026-03-02T18:00:00", until="2026-03-06T06:00:00").chart.buckets
    assert [(bucket.since.hour, bucket.until.hour) for bucket in buckets] == [
        (18, 0), (0, 0), (0, 0), (0, 0), (0, 6),
    ]  # fmt: skip


def test_clients_stand_in_the_order_of_what_they_asked_for(cast: Cast, auditor: Client) -> None:
    counted(cast, 5)
    counted(cast, 9, client_id="reports")
    counted(cast, 7, client_id="", outcome="refused", error="invalid_client")
    counted(cast, 1, outcome="refused", error="invalid_scope")
    counted(cast, 1, outcome="failed", error="server_error")
    lines = shown(auditor, **DAY).clients
    assert [(line.client_id, line.issued, line.refused, line.failed) for line in lines] == [
        ("reports", 9, 0, 0),
        ("", 0, 7, 0),
        ("billing", 5, 1, 1),
    ]
    assert asked_by(lines[0].link)["client"] == "reports"
    assert asked_by(lines[1].link)["outcome"] == "refused"


def test_only_the_first_twenty_clients_are_named_and_the_others_counted(cast: Cast, auditor: Client) -> None:
    for number in range(23):
        counted(cast, 100 - number, client_id=f"client-{number}")
    found = shown(auditor, **DAY)
    assert [line.client_id for line in found.clients] == [f"client-{number}" for number in range(20)]
    assert found.more_clients == 3


def test_reasons_lead_to_the_record(cast: Cast, auditor: Client) -> None:
    counted(cast, 3, outcome="refused", error="invalid_scope")
    counted(cast, 8, outcome="refused", error="invalid_client", client_id="")
    reasons = shown(auditor, **DAY).reasons
    assert [(line.error, line.requests) for line in reasons] == [("invalid_client", 8), ("invalid_scope", 3)]
    assert asked_by(reasons[1].link)["error"] == "invalid_scope"


def test_one_issuer_can_be_looked_at_alone(cast: Cast, auditor: Client) -> None:
    counted(cast, 5)
    counted(cast, 9, issuer=cast.other.url, client_id="stranger")
    found = shown(auditor, **DAY, issuer=cast.other.url)
    assert ([line.client_id for line in found.clients], found.issued) == (["stranger"], 9)
    assert asked_by(found.clients[0].link)["issuer"] == cast.other.url


def test_the_heaviest_networks_of_a_flood_are_named(cast: Cast, auditor: Client) -> None:
    for network, refused, minute in (
        ("192.0.2.0/24", 4, 1), ("192.0.2.0/24", 5, 2), ("2001:db8::/64", 7, 3), ("198.51.100.0/24", 99, -1),
    ):  # fmt: skip
        RefusalCount.objects.create(
            at=MONDAY + timedelta(minutes=minute),
            issuer=cast.oidc_m2m.url,
            network=network,
            error="invalid_client",
            refused=refused,
        )
    lines = shown(auditor, **DAY).networks
    assert [(line.network, line.refused) for line in lines] == [("192.0.2.0/24", 9), ("2001:db8::/64", 7)]
    assert (lines[0].first, lines[0].last) == (
        MONDAY + timedelta(minutes=1),
        MONDAY + timedelta(minutes=2),
    )


def test_it_says_until_when_the_counts_are_complete(cast: Cast, auditor: Client) -> None:
    assert "Nothing is counted yet" in body_of(auditor, PAGE)
    at = timezone.now()
    Checkpoint.objects.create(
        number=1, created_at=at, row_count=1, leaves=b"", root="00", kid="k", statement="s"
    )
    assert f"complete until {at:%Y-%m-%d %H:%M:%S} UTC" in body_of(auditor, PAGE)


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"since": "nonsense"}, "Write a time such as 2026-12-05 00:00."),
        ({"since": "2026-03-02T00:00:00", "until": "2026-03-02T00:00:00"}, "“From” must be before “until”."),
        ({"since": "2020-01-01T00:00:00", "until": "2026-01-01T00:00:00"}, "At most 366 days at once"),
        ({"issuer": "https://nobody.example"}, "Select a valid choice."),
        ({"until": "9999-12-31T23:59:59"}, "within the years that the calendar knows"),
    ],
)
def test_a_wrong_question_is_answered_by_what_is_wrong(
    cast: Cast, auditor: Client, asked: dict[str, str], problem: str
) -> None:
    answer = auditor.get(PAGE, asked)
    assert (answer.status_code, problem in answer.content.decode()) == (400, True)


def test_it_asks_as_much_of_the_database_for_a_year_as_for_a_day(
    cast: Cast, auditor: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(100):
        counted(cast, 1, hour=MONDAY + number * 24 * HOUR, client_id=f"client-{number}")
    with django_assert_max_num_queries(16):
        auditor.get(PAGE, {"since": "2026-01-01T00:00:00", "until": "2026-12-31T00:00:00"})


def test_a_bar_is_as_high_as_its_part_of_the_whole_and_never_out_of_sight() -> None:
    buckets = [
        Bucket(since=MONDAY, until=MONDAY + HOUR, issued=100, refused=0, failed=0),
        Bucket(since=MONDAY + HOUR, until=MONDAY + 2 * HOUR, issued=50, refused=1, failed=0),
    ]
    first, second = chart(buckets).bars
    assert [piece.height for piece in first.pieces] == [HEIGHT]
    assert [(piece.kind, piece.height) for piece in second.pieces] == [
        ("issued", HEIGHT // 2),
        ("refused", 2),
    ]
    assert second.pieces[1].y + second.pieces[1].height == second.pieces[0].y
    assert first.x >= LEFT
    assert second.x + second.width <= 100


@pytest.mark.parametrize(
    ("number", "above"), [(0, 2), (2, 2), (3, 4), (19, 20), (21, 30), (81, 100), (399, 400), (2001, 3000)]
)
def test_the_scale_ends_at_a_round_number(number: int, above: int) -> None:
    assert round_above(number) == above
