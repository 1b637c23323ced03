"""manage.py audit prune: sealed rows go under a signed tombstone, and verification still passes."""

from datetime import UTC, datetime, time, timedelta
from threading import Barrier
from time import monotonic
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.utils import timezone

from audit import pruning
from audit.models import Checkpoint, Inspection, IssuanceEvent, Tombstone, Trace, UnsealedRange
from issuers.versioning import revision
from keys.models import Purpose, SigningKey
from keys.record_key import record_key, signed_statement, statement_reader
from tests.audit.rows import EVENTS, event, events
from tests.audit.tampering import found, without_triggers
from tests.support.at_once import all_at_once
from tests.support.failing import refusing
from upkeep.sealing import seal

NOW = timezone.now()
OLD = NOW - timedelta(days=40)
BEFORE_AT = datetime.combine(NOW - timedelta(days=30), time(), tzinfo=UTC)
BEFORE = f"{BEFORE_AT:%Y-%m-%d}"

pytestmark = pytest.mark.usefixtures("sealed")


@pytest.fixture
def old() -> list[int]:
    """Five old rows, sealed, the first with a trace; then two of today, sealed, and one that is not."""
    ids = [event(number, at=OLD).pk for number in range(5)]
    Trace.objects.create(event_id=ids[0], content={})
    events(2)
    with without_triggers():
        # As if it had been sealed then.
        Checkpoint.objects.all()._raw_delete(Checkpoint.objects.db)
    UnsealedRange.objects.all().delete()
    seal(timezone.now())
    event()
    return ids


def prune(*arguments: str) -> None:
    call_command("audit", "prune", "--before", BEFORE, *arguments)


def test_old_rows_and_their_traces_go_and_the_rest_still_verifies(
    old: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    prune("--reason", "kept for 30 days")

    stone = Tombstone.objects.get()
    line = f"5 rows deleted: {old[0]} to {old[-1]}, under tombstone {stone.pk}."
    assert capsys.readouterr().out.splitlines() == [line]
    assert (IssuanceEvent.objects.count(), Trace.objects.count()) == (3, 0)
    assert (stone.row_count, stone.reason) == (5, "kept for 30 days")
    done = Inspection.objects.get()
    assert (done.act, done.rows, done.result) == ("prune", 5, line)
    assert done.filter.startswith(f"before {BEFORE}T00:00:00")
    call_command("audit", "verify")
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith(f"rows {old[0]} to {old[-1]} (5) were pruned by {stone.actor} at ")
    assert told[0].endswith(": kept for 30 days")
    assert told[1].endswith(": verified, no differences.")


def test_a_second_prune_has_nothing_to_do(old: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    prune()
    prune()
    assert capsys.readouterr().out.splitlines()[-1] == "There is nothing to prune."
    assert Tombstone.objects.count() == 1


def somebody_waits() -> bool:
    """For a lock of this database, within ten seconds. Of SQLite it is known without looking: it has one writer."""
    if connection.vendor == "sqlite":
        return True
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    end = monotonic() + 10
    while monotonic() < end:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(waiting)
            if cursor.fetchone():
                return True
    return False


def test_of_two_at_once_one_prunes_and_the_other_says_that_somebody_does(old: list[int]) -> None:
    both_know_what_to_prune = Barrier(2)
    read = statement_reader()

    def signed(claims: dict[str, Any], kind: str) -> tuple[str, str]:
        key = record_key(NOW)
        both_know_what_to_prune.wait()
        return signed_statement(claims, kind=kind, key=key), key.kid

    waited: list[bool] = []

    def until_the_other_waits(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith('INSERT INTO "audit_tombstone"'):
            waited.append(somebody_waits())
        return execute(sql, *rest)

    def prune_or_say_why_not() -> object:
        try:
            with connection.execute_wrapper(until_the_other_waits):
                return pruning.prune(before=BEFORE_AT, actor="a", reason="", sign=signed, read=read)
        except pruning.PruningRefusedError as error:
            return str(error)

    done = all_at_once(prune_or_say_why_not, prune_or_say_why_not)

    assert waited == [True]
    stone = Tombstone.objects.get()
    assert (stone, 5) in done
    assert "Somebody else prunes at this moment: nothing was changed by this one." in done
    assert IssuanceEvent.objects.count() == 3
    assert found() == []


def test_it_is_dated_when_it_is_done_and_not_when_it_began(old: list[int]) -> None:
    prune()
    assert Inspection.objects.get().at >= Tombstone.objects.get().created_at


def test_one_that_broke_off_is_completed_by_the_next(old: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.pruning.ROWS_AT_ONCE", 2)
    with (
        refusing("DELETE", EVENTS, when=f"OLD.id = {old[3]}"),
        pytest.raises(CommandError, match="the disk is full"),
    ):
        prune()
    assert IssuanceEvent.objects.filter(pk__in=old).count() == 3
    assert found() == []

    prune()

    assert not IssuanceEvent.objects.filter(pk__in=old).exists()
    assert Tombstone.objects.count() == 1
    assert found() == []


def test_a_row_that_is_not_sealed_stays_and_all_after_it(capsys: pytest.CaptureFixture[str]) -> None:
    sealed = event(at=OLD).pk
    seal(timezone.now())
    waits = event(at=OLD).pk
    prune()
    assert set(IssuanceEvent.objects.values_list("pk", flat=True)) == {waits}
    assert Tombstone.objects.get().last_id == sealed


def test_what_was_tampered_with_is_not_pruned_away(old: list[int]) -> None:
    with without_triggers():
        IssuanceEvent.objects.filter(pk=old[1]).delete()
    with pytest.raises(CommandError, match=f"Of rows {old[0]} to {old[-1]} there are 4, and 5 were sealed"):
        prune()
    assert not Tombstone.objects.exists()


def test_a_row_that_was_altered_is_not_pruned_away(old: list[int]) -> None:
    with without_triggers():
        IssuanceEvent.objects.filter(pk=old[1]).update(detail="x")
    with pytest.raises(CommandError, match=f"1 rows, row {old[1]} the first, are not as they were sealed"):
        prune()
    assert not Tombstone.objects.exists()
    assert IssuanceEvent.objects.filter(pk__in=old).count() == 5


def test_a_forged_tombstone_hides_nothing_and_stops_a_prune(old: list[int]) -> None:
    prune()
    real = Tombstone.objects.get()
    more = IssuanceEvent.objects.order_by("pk").first()
    assert more
    Tombstone.objects.create(
        actor=real.actor,
        first_id=more.pk,
        last_id=more.pk,
        row_count=1,
        kid=real.kid,
        statement=real.statement,
    )
    IssuanceEvent.objects.filter(pk=more.pk).delete()
    forged = Tombstone.objects.get(first_id=more.pk)
    assert found() == [
        f"tombstone {forged.pk}: its row does not say what its statement says",
        f"{EVENTS} {more.pk}: it was removed after it was sealed",
    ]
    with pytest.raises(CommandError, match=f"tombstone {forged.pk}: its row does not say"):
        prune()


def test_a_tombstone_that_was_removed_hides_nothing(old: list[int]) -> None:
    prune()
    with without_triggers():
        Tombstone.objects.all().delete()
    assert found() == [f"{EVENTS} {pk}: it was removed after it was sealed" for pk in old]


def test_rows_outside_stay_forbidden_to_delete(old: list[int]) -> None:
    prune()
    with pytest.raises(DatabaseError, match="append-only"):
        IssuanceEvent.objects.all().delete()


def test_it_refuses_what_it_cannot_do(old: list[int]) -> None:
    tomorrow = f"{timezone.now() + timedelta(days=1):%Y-%m-%d}"
    with pytest.raises(CommandError, match="is still to come"):
        call_command("audit", "prune", "--before", tomorrow)
    with pytest.raises(CommandError, match="more than 500 characters"):
        prune("--reason", "x" * 501)
    SigningKey.objects.filter(purpose=Purpose.RECORD).update(revoked_at=NOW)
    revision.forget()
    with pytest.raises(CommandError, match="The record has no key"):
        prune()
    assert IssuanceEvent.objects.filter(pk__in=old).count() == 5
