"""Of many processes one does the maintenance of an interval."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.support.at_once import all_at_once
from tests.support.failing import refusing
from upkeep.maintenance import Done, run
from upkeep.models import LastRun, take_turn

NOW = timezone.now()
MINUTE = timedelta(minutes=1)

pytestmark = pytest.mark.django_db


def test_the_first_who_asks_may_run() -> None:
    assert take_turn(NOW, every=MINUTE)
    assert LastRun.objects.get().started_at == NOW


def test_the_next_may_after_the_interval() -> None:
    take_turn(NOW, every=MINUTE)
    assert not take_turn(NOW + MINUTE - timedelta(seconds=1), every=MINUTE)
    assert take_turn(NOW + MINUTE, every=MINUTE)


def test_a_clock_a_little_behind_waits_and_one_far_behind_does_not() -> None:
    take_turn(NOW, every=MINUTE)
    assert not take_turn(NOW - timedelta(seconds=1), every=MINUTE)
    assert take_turn(NOW - timedelta(days=30), every=MINUTE)


def test_of_many_at_once_one_may() -> None:
    told = all_at_once(*[lambda: take_turn(NOW, every=MINUTE)] * 8)
    assert sorted(told) == [False] * 7 + [True]


def test_a_run_notes_when_it_began() -> None:
    before = timezone.now()
    run()
    last = LastRun.objects.get()
    assert last.started_at
    assert before <= last.started_at <= timezone.now()


def test_a_run_within_the_interval_does_nothing() -> None:
    run(every=MINUTE)
    began = LastRun.objects.get().started_at
    assert run(every=MINUTE) == Done()
    assert LastRun.objects.get().started_at == began


def test_a_run_by_hand_does_not_wait() -> None:
    run()
    first = LastRun.objects.get().started_at
    run()
    assert LastRun.objects.get().started_at != first


def test_a_run_that_cannot_begin_says_why() -> None:
    with refusing("UPDATE", "upkeep_lastrun"):
        done = run()

    assert [failure.chore for failure in done.failed] == ["begin"]
    assert done.failed[0].reason.startswith("The database failed: the disk is full.")
