"""Who owns the tables and alters more than rows: constraints, sums, instants to come. A verification names it."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.utils import timezone

from audit.models import Checkpoint, HourlyCount, IssuanceEvent, RefusalCount
from audit.verification.sums_check import Sums
from tests.audit.rows import EVENTS, event, events, sealed_events
from tests.audit.tampering import found, without_triggers
from tests.support.at_once import all_at_once
from upkeep.sealing import seal

CHANGED = "it was changed after it was sealed"
PASSED_OVER = "checkpoints: 1 more rows than numbers: one number has several, or a row has none"
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.usefixtures("sealed")


@contextmanager
def twin_of(table: str, pk: int, **altered: str) -> Iterator[None]:
    """A second row with the columns of the first, but for these, whatever the constraints say. Values are SQL."""
    with connection.cursor() as cursor:
        names = [column.name for column in connection.introspection.get_table_description(cursor, table)]
        values = ", ".join(f"{altered.get(name, name)} AS {name}" for name in names)
        row = f"SELECT {values} FROM {table} WHERE id = {pk}"  # noqa: S608
        if connection.vendor == "postgresql":
            cursor.execute(f"CREATE TABLE twin () INHERITS ({table}); INSERT INTO twin {row}")
            yield
            cursor.execute("DROP TABLE twin")
            return
        cursor.execute(f"CREATE TABLE twin AS {row} UNION ALL SELECT * FROM {table}")  # noqa: S608
        cursor.execute(f"DROP TABLE {table}")
        cursor.execute(f"ALTER TABLE twin RENAME TO {table}")
        yield


def test_a_second_row_with_an_id_that_is_sealed() -> None:
    ids = sealed_events(3)
    with twin_of(EVENTS, ids[1], client_id="'nobody'"):
        assert IssuanceEvent.objects.filter(pk=ids[1]).count() == 2
        assert found() == [f"{EVENTS} {ids[1]}: {CHANGED}"]


def test_a_second_checkpoint_with_a_number_that_is_taken() -> None:
    sealed_events(1)
    with twin_of("audit_checkpoint", Checkpoint.objects.get(number=2).pk, id="1000"):
        assert found() == [PASSED_OVER]


def test_a_checkpoint_before_all_numbers() -> None:
    sealed_events(1)
    if connection.vendor == "postgresql":
        return  # It hands the constraint of the number down to every table that is made of this one.
    with twin_of("audit_checkpoint", Checkpoint.objects.get(number=2).pk, id="1000", number="-3"):
        assert found() == [PASSED_OVER]


def test_a_row_for_a_time_to_come() -> None:
    sealed_events(1)
    now = timezone.now()
    event(at=now + HOUR - timedelta(minutes=1))
    early = event(at=now + HOUR + timedelta(minutes=1))
    to_come = "it was inserted for the future"
    assert found() == [f"{EVENTS} {early.pk}: its instant is more than an hour from now: {to_come}"]
    seal(timezone.now())
    ran_ahead = f"{to_come}, or its clock ran ahead"
    told = [f"{EVENTS} {early.pk}: its instant is more than an hour after it was sealed: {ran_ahead}"]
    assert found() == told
    assert found(now=now + 48 * HOUR) == told, "it does not come true"


def sums_found() -> list[str]:
    return [problem.partition(" issued: ")[2] or problem for problem in found()]


def test_sums_that_are_not_those_of_the_rows() -> None:
    sealed_events(3)
    event(is_test=True)
    RefusalCount.objects.create(
        at=timezone.now() - 5 * HOUR, issuer="i", network="n", error="invalid_client", refused=7
    )
    seal(timezone.now())
    assert found() == []
    sums = HourlyCount.objects.filter(client_id="billing")
    sums.update(requests=F("requests") + 2)
    assert sums_found() == ["it tells of 2 requests more than are sealed"]
    sums.update(requests=F("requests") - 3)
    assert sums_found() == ["it tells of 1 requests fewer than are sealed"]
    sums.update(requests=3, hour=F("hour") - HOUR)
    assert sorted(sums_found()) == [
        "it tells of 3 requests fewer than are sealed", "it tells of 3 requests more than are sealed",
    ]  # fmt: skip
    sums.delete()
    [told] = found()
    what = "https://idp.example billing https://api.example issued"
    assert told.endswith(f"{what}: it tells of 3 requests fewer than are sealed")
    assert found(until=timezone.now()) == [], "some days tell nothing of sums"


def test_whichever_thread_collects_the_sums_closes_their_file(monkeypatch: pytest.MonkeyPatch) -> None:
    unraisable: list[object] = []
    monkeypatch.setattr("sys.unraisablehook", unraisable.append)
    made = all_at_once(Sums)
    made.clear()
    gc.collect()
    assert unraisable == []


def test_sums_of_rows_that_are_altered_are_not_reported_as_well() -> None:
    ids = sealed_events(3)
    with without_triggers():
        IssuanceEvent.objects.filter(pk=ids[0]).update(client_id="nobody")
    assert found() == [f"{EVENTS} {ids[0]}: {CHANGED}"]


def test_a_sum_of_pruned_hours_holds_at_least_what_is_left_of_them() -> None:
    events(3)
    seal(timezone.now())
    now = timezone.now()
    events(2)
    seal(timezone.now())
    call_command("audit", "prune", "--before", now.isoformat())
    assert found() == []
    sums = HourlyCount.objects.filter(client_id="billing")
    # Into another hour, where an hour began meanwhile.
    sums.exclude(pk=sums.earliest("pk").pk).delete()
    sums.update(requests=1)
    [told] = found()
    assert told.endswith("it tells of 1 requests fewer than are sealed")


def test_an_index_that_leaves_a_row_out() -> None:
    ids = sealed_events(3)
    if connection.vendor == "postgresql":
        return  # Its owner cannot write into an index.
    with connection.cursor() as cursor:
        cursor.execute("SELECT sql FROM sqlite_master WHERE name = 'event_at_id'")
        (whole,) = cursor.fetchone()
        cursor.execute("DROP INDEX event_at_id")
        cursor.execute(f"{whole} WHERE id <> {ids[1]}")
        cursor.execute("PRAGMA writable_schema = 1")
        cursor.execute("UPDATE sqlite_master SET sql = %s WHERE name = 'event_at_id'", [whole])
        cursor.execute("PRAGMA writable_schema = RESET")
    assert f"{EVENTS}: its index is broken: row 2 missing from index event_at_id" in found()
