"""A verification that was ordered: maintenance runs it once, on one machine, and takes it up again if it is killed."""

import io
import json
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F
from django.utils import timezone

from audit.models import Inspection, IssuanceEvent
from issuers.models import ConfigurationRevision
from issuers.versioning import revision
from issuers.versioning.history import Source, authored
from keys.models import Purpose, SigningKey
from tests.audit.rows import event, sealed_events
from tests.audit.tampering import without_triggers
from tests.support.at_once import all_at_once
from tests.support.failing import refusing
from tests.upkeep.test_worker_thread import upkeep_lines
from upkeep import verification_orders as orders
from upkeep.maintenance import run
from upkeep.models import VerificationOrder
from upkeep.verification_run import run_ordered
from upkeep.worker_thread import one_run

MINUTE = timedelta(minutes=1)
pytestmark = [pytest.mark.usefixtures("sealed"), pytest.mark.contract("P10.31")]


@pytest.fixture(autouse=True)
def _beats_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("upkeep.verification_run.BEAT_EVERY", 0.0)


def ordered(**chosen: Any) -> bool:
    with authored(actor="anna", source=Source.ADMIN):
        return orders.order(now=timezone.now(), **chosen)


def tampered(row: int) -> None:
    with without_triggers():
        IssuanceEvent.objects.filter(pk=row).update(detail="x")


def test_maintenance_of_the_server_runs_it_for_who_asked() -> None:
    sealed_events(3)
    assert ordered()

    one_run(every=MINUTE)

    order, told = VerificationOrder.objects.get(), Inspection.objects.get(act="verify")
    assert (order.state, order.problems, order.rows_done) == ("done", 0, told.rows)
    assert order.result.endswith(": verified, no differences.")
    assert (told.actor, told.source, told.filter, told.result) == ("anna", "admin", "", order.result)


def test_a_range_is_compared_and_said() -> None:
    since = timezone.now() + timedelta(hours=3)
    ordered(since=since)

    order = run_ordered()

    assert order is not None
    assert order.result.startswith("0 rows under 1 checkpoints")
    assert Inspection.objects.get(act="verify").filter == f"from {since.isoformat()}"


def test_findings_are_kept_and_logged(log_lines: io.StringIO) -> None:
    first, *_ = sealed_events(3)
    tampered(first)
    ordered()

    one_run(every=MINUTE)

    order = VerificationOrder.objects.get()
    assert (order.state, order.problems) == ("done", 1)
    assert order.findings.startswith(f"audit_issuanceevent {first}: it was changed after it was sealed")
    [line] = upkeep_lines(log_lines.getvalue())
    assert (line["log.level"], line["event.action"], line["m2m_idp.problems"]) == (
        "error",
        "record_differs",
        1,
    )


def test_only_one_is_ordered_and_only_one_runner_takes_it_up() -> None:
    assert sorted(all_at_once(*[ordered] * 4)) == [False, False, False, True]
    taken = all_at_once(*[partial(orders.take_up, timezone.now())] * 4)
    assert sum(order is not None for order in taken) == 1
    assert not ordered()


def test_the_order_of_a_killed_runner_is_taken_up_again() -> None:
    ordered()
    killed = orders.take_up(timezone.now())
    assert killed is not None
    assert run_ordered() is None

    VerificationOrder.objects.update(heartbeat_at=timezone.now() - orders.LEASE)
    again = run_ordered()

    assert again is not None
    assert (again.state, again.starts) == ("done", 2)
    with pytest.raises(orders.LostOrderError):
        orders.beat(killed, rows_done=1)
    assert VerificationOrder.objects.get().state == "done"


def test_a_runner_that_lost_its_order_leaves_no_result() -> None:
    sealed_events(2)
    ordered()

    def taken_by_another() -> None:
        VerificationOrder.objects.update(runner="another")

    order = run_ordered(meanwhile=taken_by_another)

    assert order is not None
    assert (order.state, order.runner) == ("running", "another")
    assert not Inspection.objects.filter(act="verify").exists()


def test_an_order_that_kills_its_runners_is_given_up() -> None:
    ordered()
    for _ in range(orders.MAX_STARTS):
        assert orders.take_up(timezone.now())
        VerificationOrder.objects.update(heartbeat_at=timezone.now() - orders.LEASE)

    assert run_ordered() is None

    order = VerificationOrder.objects.get()
    assert (order.state, order.result.partition(",")[0]) == ("failed", "It was started 3 times")
    assert "Run manage.py audit verify" in order.result
    call_command("audit", "verify")
    assert ordered()


def test_an_interrupted_runner_gives_it_back() -> None:
    sealed_events(2)
    ordered()

    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_ordered(meanwhile=interrupted)

    order = VerificationOrder.objects.get()
    assert (order.state, order.starts) == ("waiting", 0)


def test_it_shows_progress_and_holds_up_neither_writers_nor_sealing() -> None:
    for _ in range(3):
        sealed_events(2)
    ordered()
    progress: list[int] = []
    sealed: list[int] = []

    def meanwhile() -> None:
        progress.append(VerificationOrder.objects.get().rows_done)
        # Each checkpoint that is made is verified, too.
        if len(sealed) < 4:
            all_at_once(event)
            sealed.append(run().sealed_rows)

    order = run_ordered(meanwhile=meanwhile)

    assert order is not None
    assert (order.state, order.problems) == ("done", 0)
    assert sealed == [1, 1, 1, 1]
    assert progress == sorted(progress)
    assert 0 < progress[-1] <= order.rows_done


def test_without_the_keys_of_the_record_it_fails_and_says_what_to_do(log_lines: io.StringIO) -> None:
    ordered()
    SigningKey.objects.filter(purpose=Purpose.RECORD)._raw_delete("default")
    ConfigurationRevision.objects.update(number=F("number") + 1)
    revision.forget()

    one_run(every=MINUTE)

    order = VerificationOrder.objects.get()
    assert (order.state, order.result.partition(":")[0]) == ("failed", "Not verified")
    assert "Restore the rows of purpose record" in order.result
    assert "verification_failed" in [line["event.action"] for line in upkeep_lines(log_lines.getvalue())]


def test_a_database_that_fails_leaves_it_to_a_later_run(log_lines: io.StringIO) -> None:
    ordered()
    with refusing("INSERT", "audit_inspection"):
        one_run(every=MINUTE)
    [line] = upkeep_lines(log_lines.getvalue())
    assert (line["m2m_idp.chore"], VerificationOrder.objects.get().state) == ("verify the record", "running")

    VerificationOrder.objects.update(heartbeat_at=timezone.now() - orders.LEASE)
    one_run(every=MINUTE)

    assert VerificationOrder.objects.get().state == "done"


def test_a_failure_fails_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    ordered()
    with refusing("INSERT", "audit_inspection"), pytest.raises(CommandError) as caught:
        call_command("maintain")
    assert str(caught.value) == "Not done: verify the record."
    assert "failed to verify the record: The database failed: the disk is full." in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_manage_py_maintain_runs_it(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    ordered()

    call_command("maintain", *arguments)

    line = capsys.readouterr().out.splitlines()[-1]
    order = VerificationOrder.objects.get()
    assert order.state == "done"
    if arguments:
        told = {"asked_by": "anna", "state": "done", "result": order.result}
        assert json.loads(line) == {"verification": told}
    else:
        assert line == f"verification for anna: {order.result}"


def test_the_command_leaves_its_result_in_the_same_place() -> None:
    ids = sealed_events(2)
    with authored(actor="root", source=Source.COMMAND):
        call_command("audit", "verify")
    tampered(ids[0])
    with authored(actor="root", source=Source.COMMAND), pytest.raises(CommandError):
        call_command("audit", "verify")

    second, first = VerificationOrder.objects.all()
    assert (first.asked_by, first.source, first.state, first.problems) == ("root", "command", "done", 0)
    assert (second.state, second.problems) == ("done", 1)
    assert [told.result for told in Inspection.objects.filter(act="verify")] == [second.result, first.result]


def test_the_command_runs_beside_an_order_and_is_not_taken_up_when_it_is_killed() -> None:
    ordered()
    call_command("audit", "verify")
    assert [order.state for order in VerificationOrder.objects.all()] == ["done", "waiting"]

    killed = orders.begun_by_command(since=None, until=None)
    VerificationOrder.objects.filter(pk=killed.pk).update(heartbeat_at=timezone.now() - orders.LEASE)
    assert run_ordered() is not None

    killed.refresh_from_db()
    assert (killed.state, killed.result) == ("failed", orders.ENDED)


def test_a_command_that_was_only_suspended_goes_on() -> None:
    suspended = orders.begun_by_command(since=None, until=None)
    VerificationOrder.objects.update(heartbeat_at=timezone.now() - orders.LEASE)
    assert run_ordered() is None
    orders.take_up(timezone.now())

    orders.beat(suspended, rows_done=5)

    order = VerificationOrder.objects.get()
    assert (order.state, order.rows_done) == ("running", 5)
