"""A flood of requests that prove nothing cannot fill the record, and hides nothing that does."""

import http.client
import io
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.db.models import Sum

from audit.models import IssuanceEvent, Outcome, RefusalCount
from issuance.recording import flood
from issuance.recording.flood import Counts, Key
from tests.support.cast import Cast
from tests.support.failing import refusing
from tests.support.server import serve
from tests.support.wire import FORM, TOKEN, ask, basic, call, events, last_event

BUDGET = 3
CONNECTIONS = 8
MINUTE = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def bounded(cast: Cast, settings: LazySettings) -> Cast:
    settings.REFUSALS_RECORDED_PER_MINUTE = BUDGET
    settings.AUTH_FAILURES_PER_MINUTE = 0
    return cast


def wrong(peer: str = "192.0.2.7") -> tuple[int, dict[str, str], bytes]:
    return ask(auth=basic("billing", "wrong"), peer=peer).without_its_own


def counted() -> Counter[tuple[str, str, str]]:
    """As written, by issuer, network and error."""
    flood.write_counts()
    total: Counter[tuple[str, str, str]] = Counter()
    for row in RefusalCount.objects.all():
        total[row.issuer, row.network, row.error] += row.refused
    return total


@pytest.mark.contract("P1.3", "P3.6")
def test_refusals_beyond_the_budget_are_counted_and_answered_alike(bounded: Cast) -> None:
    answers = [wrong() for _ in range(BUDGET + 4)]
    assert all(answer == answers[0] for answer in answers)
    assert len(events()) == BUDGET
    assert counted() == {(bounded.oidc_m2m.url, "192.0.2.7/32", "invalid_client"): 4}
    assert call("GET", TOKEN).status == 405
    assert counted()[bounded.oidc_m2m.url, "192.0.2.7/32", "invalid_request"] == 1


@pytest.mark.contract("P1.3")
def test_a_count_bears_the_start_of_its_minute(bounded: Cast) -> None:
    for _ in range(BUDGET + 2):
        wrong()
    flood.write_counts()
    assert {(row.at.second, row.at.microsecond) for row in RefusalCount.objects.all()} == {(0, 0)}


@pytest.mark.contract("P1.3")
def test_another_network_has_a_budget_of_its_own(bounded: Cast) -> None:
    for _ in range(BUDGET + 1):
        wrong("2001:db8::1")
    wrong("2001:db8::ffff")
    assert len(events()) == BUDGET
    wrong("2001:db8:0:1::1")
    assert last_event().ip == "2001:db8:0:1::1"
    assert counted() == {(bounded.oidc_m2m.url, "2001:db8::/64", "invalid_client"): 2}


@pytest.mark.contract("P1.3")
def test_what_proved_a_client_always_has_its_row(bounded: Cast) -> None:
    for _ in range(BUDGET + 1):
        wrong()
    assert ask(auth=bounded.basic("billing")).status == 200
    assert last_event().outcome == Outcome.ISSUED
    assert ask({"scope": "unknown"}, auth=bounded.basic("billing")).status == 400
    assert last_event().error == "invalid_scope"


def network(number: int) -> str:
    """One of the many of a /48."""
    return f"2001:db8:0:{number:x}::1"


def from_many(number: int) -> None:
    """As much of each network as it may leave in the record."""
    for each in range(number):
        for _ in range(BUDGET):
            wrong(network(each))


@pytest.mark.contract("P1.3", "P3.6")
def test_many_networks_have_a_budget_together_and_none_of_theirs_is_lost(bounded: Cast) -> None:
    from_many(flood.TIMES)
    assert len(events()) == flood.TIMES * BUDGET
    assert counted() == {}
    answers = [wrong(network(number)) for number in (0, 0xA, 0xB, 0xB)]
    assert all(answer == answers[0] for answer in answers)
    assert len(events()) == flood.TIMES * BUDGET
    assert counted() == {
        (bounded.oidc_m2m.url, "2001:db8:0:a::/64", "invalid_client"): 1,
        (bounded.oidc_m2m.url, "2001:db8:0:b::/64", "invalid_client"): 2,
        (bounded.oidc_m2m.url, "2001:db8::/64", "invalid_client"): 1,
    }


@pytest.mark.contract("P1.3")
def test_a_network_beyond_its_own_budget_takes_nothing_from_the_others(bounded: Cast) -> None:
    for _ in range(2 * flood.TIMES * BUDGET):
        wrong("192.0.2.7")
    from_many(flood.TIMES - 1)
    assert Counter(event.ip for event in events()) == {
        "192.0.2.7": BUDGET,
        **{network(number): BUDGET for number in range(flood.TIMES - 1)},
    }


@pytest.mark.contract("P1.3")
def test_what_proved_a_client_has_its_row_beside_many_networks(bounded: Cast) -> None:
    from_many(flood.TIMES + 1)
    assert ask(auth=bounded.basic("billing")).status == 200
    assert last_event().outcome == Outcome.ISSUED
    assert ask({"scope": "unknown"}, auth=bounded.basic("billing")).status == 400
    assert last_event().error == "invalid_scope"


def test_no_budget_stores_every_refusal(bounded: Cast, settings: LazySettings) -> None:
    settings.REFUSALS_RECORDED_PER_MINUTE = 0
    for _ in range(BUDGET + 1):
        wrong()
    assert (len(events()), counted()) == (BUDGET + 1, {})


def told_of_counting(log_lines: io.StringIO) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in log_lines.getvalue().splitlines()]
    return [line for line in lines if line["event.action"] == "refusals_counted"]


@pytest.mark.contract("P10.4")
def test_the_log_says_once_that_it_counts_all_networks(bounded: Cast, log_lines: io.StringIO) -> None:
    from_many(flood.TIMES + 2)
    (told,) = told_of_counting(log_lines)
    assert (told["m2m_idp.network"], told["m2m_idp.recorded"]) == ("all", flood.TIMES * BUDGET)
    wrong(network(0))
    assert [line["m2m_idp.network"] for line in told_of_counting(log_lines)] == ["all", "2001:db8::/64"]


@pytest.mark.contract("P10.4")
def test_the_log_says_once_that_it_counts_a_network(bounded: Cast, log_lines: io.StringIO) -> None:
    for _ in range(BUDGET + 3):
        wrong()
    (told,) = told_of_counting(log_lines)
    assert (told["m2m_idp.network"], told["m2m_idp.recorded"], told["log.level"]) == (
        "192.0.2.7/32",
        BUDGET,
        "warning",
    )


@pytest.mark.contract("P1.3")
def test_what_cannot_be_written_is_reported_and_written_later(bounded: Cast, log_lines: io.StringIO) -> None:
    for _ in range(BUDGET + 5):
        wrong()
    with refusing("INSERT", "audit_refusalcount"):
        assert not counted()
    assert "refusals_not_written" in log_lines.getvalue()
    assert counted() == {(bounded.oidc_m2m.url, "192.0.2.7/32", "invalid_client"): 5}
    assert counted().total() == 5, "what is written is not written again"


def test_a_source_that_is_no_address_is_counted_by_what_fits(bounded: Cast) -> None:
    for _ in range(BUDGET + 1):
        wrong("x" * 60)
    assert list(counted()) == [(bounded.oidc_m2m.url, "x" * 50, "invalid_client")]


def test_who_writes_keeps_no_connection_that_a_restart_of_the_database_would_cut(bounded: Cast) -> None:
    for _ in range(BUDGET + 1):
        wrong()
    assert connection.connection is not None
    flood.write_counts()
    assert connection.connection is None


def test_a_hundred_thousand_networks_take_no_more_memory_than_some() -> None:
    counts = Counts(max_keys=100)
    for number in range(100_000):
        counts.add(Key(at=MINUTE, issuer="i", network=f"n{number}", error=("a", "b")[number % 2]))
    assert len(counts) == 102
    taken = counts.take()
    assert taken.total() == 100_000
    assert taken[Key(at=MINUTE, issuer="i", network="other", error="a")] == 49_950
    assert len(counts) == 0


def test_a_process_counts_four_thousand_networks_apart() -> None:
    counts = Counts()
    for number in range(5_000):
        counts.add(Key(at=MINUTE, issuer="i", network=f"n{number}", error="a"))
    taken = counts.take()
    assert len(taken) == 4_001
    assert taken[Key(at=MINUTE, issuer="i", network="other", error="a")] == 1_000


def test_what_does_not_fit_is_counted_in_the_minute_in_which_the_first_did_not() -> None:
    counts = Counts(max_keys=1)

    def add(minute: int, network: str) -> None:
        counts.add(Key(at=MINUTE.replace(minute=minute), issuer="i", network=network, error="a"))

    for minute, network in enumerate(("n0", "n1", "n2", "n0")):
        add(minute, network)
    add(0, "n0")
    others = Key(at=MINUTE.replace(minute=1), issuer="i", network="other", error="a")
    first = Key(at=MINUTE, issuer="i", network="n0", error="a")
    assert counts.take() == {first: 2, others: 3}
    add(7, "n0")
    add(8, "n1")
    later = Key(at=MINUTE.replace(minute=8), issuer="i", network="other", error="a")
    assert counts.take()[later] == 1


@pytest.mark.slow
@pytest.mark.contract("P1.3")
def test_a_flood_of_thousands_leaves_few_rows_and_loses_no_request(cast: Cast, tmp_path: Path) -> None:
    requests, workers, budget = 5_000, 2, 120
    environment = {"REFUSALS_RECORDED_PER_MINUTE": f"{budget}", "AUTH_FAILURES_PER_MINUTE": "0"}
    with serve(tmp_path, workers, environment) as server:
        answers = Counter(all_answers(server.port, basic("billing", "wrong"), requests))
        assert server.token(("billing", cast.secrets["billing"])).status_code == 200
    assert answers == {401: requests}
    refused = IssuanceEvent.objects.filter(outcome=Outcome.REFUSED).count()
    # The flood may last from one minute into the next.
    assert refused <= 3 * workers * budget
    assert IssuanceEvent.objects.filter(outcome=Outcome.ISSUED).count() == 1
    assert RefusalCount.objects.count() <= 50
    assert refused + RefusalCount.objects.aggregate(all=Sum("refused"))["all"] == requests


def all_answers(port: int, authorization: str, requests: int) -> list[int]:
    """The statuses of so many requests, over several connections at once."""
    headers = {"Authorization": authorization, "Content-Type": FORM}

    def ask_on_and_on(number: int) -> list[int]:
        link, statuses = http.client.HTTPConnection("127.0.0.1", port, timeout=20), []
        for _ in range(number):
            link.request("POST", TOKEN, b"grant_type=client_credentials", headers)
            answer = link.getresponse()
            answer.read()
            statuses.append(answer.status)
        link.close()
        return statuses

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        runs = pool.map(ask_on_and_on, [requests // CONNECTIONS] * CONNECTIONS)
        return [status for statuses in runs for status in statuses]
