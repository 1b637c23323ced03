"""audit/sealing/sealer.py: what is new is sealed once, whoever else seals and wherever it is killed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import (
    Checkpoint,
    HourlyCount,
    Inspection,
    IssuanceEvent,
    Outcome,
    RefusalCount,
    UnsealedRange,
)
from audit.sealing import merkle
from audit.sealing.checkpoints import digest
from audit.sealing.leaf import SealedTable, instant
from audit.sealing.leaves import unpacked
from audit.sealing.sealed_tables import sealed_tables
from issuance.health.readiness import readiness
from issuers.versioning import revision
from keys.models import Purpose, SigningKey
from keys.record_key import make_record_key, read_statement, record_jwks
from tests.audit.rows import EVENTS, event, events, sealed_ids
from tests.audit.tampering import found
from tests.support.at_once import all_at_once
from tests.support.cast import Cast
from tests.support.failing import refusing
from tests.support.wire import get
from upkeep.maintenance import maintain
from upkeep.sealing import seal

NOW = timezone.now()
DAY = timedelta(days=1)

pytestmark = pytest.mark.usefixtures("sealed")


def gaps() -> list[tuple[int, int | None]]:
    ranges = UnsealedRange.objects.filter(table=EVENTS, last_id__isnull=False).order_by("first_id")
    return list(ranges.values_list("first_id", "last_id"))


def test_a_checkpoint_states_what_it_covers() -> None:
    before = Checkpoint.objects.get()
    ids = events(3)

    assert seal(NOW) == 3

    made = Checkpoint.objects.get(number=2)
    leaves = unpacked(bytes(made.leaves))
    root = merkle.root([leaf.hash for leaf in leaves]).hex()
    assert [(leaf.table, leaf.id) for leaf in leaves] == [(EVENTS, pk) for pk in ids]
    assert read_statement(made.statement, kind="checkpoint+jwt", keys=record_jwks()) == {
        "iss": "http://127.0.0.1:8000/audit", "number": 2, "at": instant(made.created_at),
        "previous": digest(before.statement), "root": root, "rows": 3,
        "columns": {EVENTS: sorted(field.attname for field in IssuanceEvent._meta.concrete_fields)},
    }  # fmt: skip
    assert (made.previous, made.row_count, made.root) == (before, 3, root)
    assert made.kid == SigningKey.objects.get(purpose=Purpose.RECORD).kid


def test_the_first_covers_the_history_of_the_configuration(cast: Cast) -> None:
    covered = {leaf.table for leaf in unpacked(bytes(Checkpoint.objects.get(number=1).leaves))}
    assert covered >= {"issuers_historicalissuer", "relying_parties_historicalrelyingparty"}
    cast.billing.description = "changed"
    cast.billing.save()
    assert seal(NOW) == 1


def test_every_sealed_table_is_sealed() -> None:
    Inspection.objects.create(at=NOW, actor="ann", source="command", act="verify", rows=1)
    RefusalCount.objects.create(at=NOW, issuer="i", network="n", error="invalid_client", refused=7)
    assert seal(NOW) == 2
    open_ranges = UnsealedRange.objects.filter(last_id=None).values_list("table", flat=True)
    assert set(open_ranges) == {table.name for table in sealed_tables()}


def test_nothing_new_makes_no_checkpoint() -> None:
    assert seal(NOW) == 0
    assert Checkpoint.objects.count() == 1


def test_a_backlog_is_sealed_in_checkpoints_of_bounded_size_a_few_a_run() -> None:
    ids = events(11)

    assert seal(NOW, max_rows=3, max_checkpoints=2) == 6
    assert seal(NOW, max_rows=3, max_checkpoints=9) == 5

    assert sealed_ids() == ids
    counts = Checkpoint.objects.filter(number__gt=1).order_by("number").values_list("row_count", flat=True)
    assert list(counts) == [3, 3, 3, 2]


def test_counts_that_waited_for_the_database_are_not_late() -> None:
    event()
    seal(timezone.now())
    RefusalCount.objects.create(
        at=timezone.now() - timedelta(hours=3), issuer="i", network="n", error="invalid_client", refused=7
    )
    assert found() == []
    seal(timezone.now())
    assert found() == []


def test_without_a_key_the_chore_fails_with_what_to_do_and_makes_none() -> None:
    SigningKey.objects.filter(purpose=Purpose.RECORD).delete()
    revision.forget()
    event()

    done = maintain(timezone.now())

    assert [(failure.chore, failure.reason) for failure in done.failed] == [
        (
            "seal the record",
            "The record has no key, so nothing is sealed: make one with manage.py create_key --record.",
        )
    ]
    assert done.credential_uses == 1
    assert not SigningKey.objects.filter(purpose=Purpose.RECORD).exists()
    assert (get("/readyz").json["status"], readiness()["seal"]) == ("degraded", [done.failed[0].reason])


def test_a_row_that_waits_for_an_hour_is_reported_by_readyz() -> None:
    event(at=timezone.now() - timedelta(minutes=59))
    assert get("/readyz").json["status"] == "ok"
    event(at=timezone.now() - timedelta(minutes=61))
    assert get("/readyz").json["status"] == "ok", "the oldest that waits counts"
    seal(timezone.now())
    event(at=timezone.now() - timedelta(minutes=61))
    ready = get("/readyz")
    assert (ready.status, ready.json["status"]) == (200, "degraded")
    [told] = readiness()["seal"]
    assert told.startswith(
        "audit_issuanceevent has rows that are older than an hour and not sealed: run manage.py"
    )


def test_a_new_key_signs_the_next_checkpoint_and_the_old_one_still_verifies() -> None:
    make_record_key(timezone.now())
    revision.forget()
    event()
    seal(timezone.now())
    first, second = Checkpoint.objects.order_by("number")
    assert first.kid != second.kid
    for made in (first, second):
        read_statement(made.statement, kind="checkpoint+jwt", keys=record_jwks())


@pytest.mark.parametrize("sealers", [2, 8])
def test_of_many_sealers_at_once_each_row_is_sealed_once(sealers: int) -> None:
    ids = events(40)

    done = all_at_once(*[lambda: seal(NOW, max_rows=7)] * sealers)
    done.append(seal(NOW))

    assert sum(done) == 40
    assert sealed_ids() == ids
    assert HourlyCount.objects.get().requests == 40
    numbers = list(Checkpoint.objects.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("event_and_table", ["INSERT audit_unsealedrange", "DELETE audit_unsealedrange",
                                             "INSERT audit_hourlycount", "UPDATE audit_hourlycount"])  # fmt: skip
def test_a_run_that_breaks_off_anywhere_leaves_nothing_and_the_next_completes_it(
    event_and_table: str,
) -> None:
    before = events(1)
    seal(NOW)
    ids = events(3)
    what, table = event_and_table.split()

    with refusing(what, table):
        done = maintain(timezone.now())
    assert [failure.chore for failure in done.failed] == ["seal the record"]
    assert (Checkpoint.objects.count(), sealed_ids()) == (2, before)
    assert HourlyCount.objects.get().requests == 1

    assert maintain(timezone.now()).sealed_rows == 3
    assert sealed_ids() == before + ids
    assert HourlyCount.objects.get().requests == 4


def test_a_gap_is_sealed_when_its_row_comes_and_forgotten_after_a_day() -> None:
    first = event()
    event(id=first.pk + 4)
    seal(NOW)
    assert gaps() == [(first.pk + 1, first.pk + 3)]

    event(id=first.pk + 2)
    assert seal(NOW) == 1
    assert gaps() == [(first.pk + 1, first.pk + 1), (first.pk + 3, first.pk + 3)]

    event(id=first.pk + 5)
    event(id=first.pk + 3)
    assert seal(NOW + DAY + timedelta(seconds=1)) == 2, "it is looked into once more"
    assert gaps() == []
    assert sorted(sealed_ids()) == [first.pk + offset for offset in (0, 2, 3, 4, 5)]


def test_gaps_stay_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.sealing.unsealed.MAX_GAPS", 3)
    first = event().pk
    for number in range(1, 7):
        event(id=first + 2 * number)
    seal(NOW)
    assert gaps() == [(first + odd, first + odd) for odd in (7, 9, 11)]


def test_a_row_that_commits_late_is_sealed_by_the_next_run() -> None:
    if connection.vendor == "sqlite":
        return  # It has one writer: ids are committed in their order.
    copied = event().pk
    columns = ", ".join(
        column.name for column in SealedTable.of(IssuanceEvent).columns if column.name != "id"
    )
    other = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(
                f"INSERT INTO {EVENTS} ({columns}) SELECT {columns} FROM {EVENTS} RETURNING id"  # noqa: S608
            )
            late = cursor.fetchone()[0]
            early = event().pk
            seal(timezone.now())
            assert (sealed_ids(), gaps()) == ([copied, early], [(late, late)])
            cursor.execute("COMMIT")
    finally:
        other.close()
    assert seal(timezone.now()) == 1
    assert (sealed_ids(), gaps()) == ([copied, early, late], [])


def test_lost_notes_are_made_again_from_the_checkpoints() -> None:
    ids = events(2)
    seal(NOW)
    UnsealedRange.objects.all().delete()
    ids += events(1)
    assert seal(NOW) == 1
    assert sealed_ids() == ids


HOUR = datetime(2026, 7, 1, 12, tzinfo=UTC)


def test_the_hours_are_summed_by_what_matters() -> None:
    for minute in range(3):
        event(minute, at=HOUR + timedelta(minutes=minute))
    refused: dict[str, Any] = {
        "outcome": Outcome.REFUSED,
        "error": "invalid_client",
        "jti": "",
        "kid": "",
        "audience": "",
    }
    event(at=HOUR, client_id="anything", credential="", **refused)
    event(at=HOUR, is_test=True)
    seal(NOW)
    event(at=HOUR + timedelta(minutes=59))
    event(at=HOUR + timedelta(minutes=60))
    RefusalCount.objects.create(
        at=HOUR, issuer="https://idp.example", network="n", error="invalid_client", refused=7
    )
    seal(NOW)

    sums = HourlyCount.objects.order_by("hour", "outcome").values_list(
        "hour", "client_id", "audience", "outcome", "error", "requests"
    )
    assert list(sums) == [
        (HOUR, "billing", "https://api.example", "issued", "", 4),
        (HOUR, "", "", "refused", "invalid_client", 8),
        (HOUR + timedelta(hours=1), "billing", "https://api.example", "issued", "", 1),
    ]


def test_many_sums_are_added_by_one_statement() -> None:
    for requests in (1, 2):
        for number in range(3 * requests):
            event(client_id=f"client-{number % 3}", at=HOUR)
        with CaptureQueriesContext(connection) as queries:
            seal(NOW)
        assert sum("audit_hourlycount" in query["sql"] for query in queries) == 1
    assert list(HourlyCount.objects.order_by("client_id").values_list("client_id", "requests")) == [
        ("client-0", 3), ("client-1", 3), ("client-2", 3),
    ]  # fmt: skip


def test_a_transaction_around_it_is_rolled_back_whole() -> None:
    event()
    with transaction.atomic():
        seal(NOW)
        transaction.set_rollback(True)
    assert (sealed_ids(), HourlyCount.objects.count()) == ([], 0)
    assert seal(NOW) == 1
