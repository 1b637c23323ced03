"""Who goes first where passwords are checked one at a time: threads that wait for each other."""

import itertools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from console.sign_in.login_queue import MAX_WAITING, BusyError, LoginQueue


class Visits:
    """What became of each visit, in the order in which the visitors were let in."""

    def __init__(self, queue: LoginQueue, pool: ThreadPoolExecutor) -> None:
        self.queue = queue
        self.let_in: list[str] = []
        self._pool = pool

    def now(self, visitor: str, *, is_favoured: bool = False) -> bool:
        try:
            with self.queue.turn(visitor, is_favoured=is_favoured):
                self.let_in.append(visitor)
                return True
        except BusyError:
            return False

    def joins(self, visitor: str, *, is_favoured: bool = False) -> "Future[bool]":
        """Returns when the visitor waits, or is through."""
        visit = self._pool.submit(self.now, visitor, is_favoured=is_favoured)
        until(lambda: visit.done() or visitor in {waiter.visitor for waiter in self.queue._waiting})
        return visit


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.fixture
def visits() -> Iterator[Visits]:
    ticks = itertools.count(1)
    with ThreadPoolExecutor(8) as pool:
        yield Visits(LoginQueue(clock=lambda: next(ticks)), pool)


def test_a_visitor_has_one_place(visits: Visits) -> None:
    with visits.queue.turn("a", is_favoured=False):
        assert not visits.now("a")
        waiting = visits.joins("b")
        assert not visits.now("b")
    assert waiting.result()
    assert visits.now("a")


def test_who_asked_least_often_goes_first(visits: Visits) -> None:
    for visitor in ("rare", "frequent", "frequent"):
        visits.now(visitor)
    visits.let_in.clear()
    with visits.queue.turn("running", is_favoured=False):
        waiting = [visits.joins(visitor) for visitor in ("frequent", "rare")]
    assert all(visit.result() for visit in waiting)
    assert visits.let_in == ["rare", "frequent"]


def test_who_asks_on_and_on_makes_room_for_another(visits: Visits) -> None:
    strangers = [f"stranger-{number}" for number in range(MAX_WAITING)]
    for stranger in strangers:
        visits.now(stranger)
    with visits.queue.turn("running", is_favoured=False):
        waiting = [visits.joins(stranger) for stranger in strangers]
        operator = visits.joins("operator")
        assert not waiting[-1].result(), "of the strangers the last to come"
    assert operator.result()
    assert waiting[0].result()


def test_a_refused_visitor_has_asked_too(visits: Visits) -> None:
    with ExitStack() as held:
        held.enter_context(visits.queue.turn("running", is_favoured=False))
        waiting = [visits.joins(f"first-{number}") for number in range(MAX_WAITING)]
        assert not visits.now("hammering"), "it came last of those who never asked"
        assert not visits.now("hammering")
        held.close()
        assert all(visit.result() for visit in waiting)


def test_a_favoured_visitor_goes_before_all_who_asked(visits: Visits) -> None:
    for visitor in ("known", "other"):
        visits.now(visitor)
    visits.let_in.clear()
    with visits.queue.turn("running", is_favoured=False):
        waiting = [visits.joins("other"), visits.joins("known", is_favoured=True)]
    assert all(visit.result() for visit in waiting)
    assert visits.let_in == ["known", "other"]


def test_a_success_wipes_out_what_was_asked_before(visits: Visits) -> None:
    for visitor in ("operator", "operator", "other"):
        visits.now(visitor)
    visits.queue.succeeded("operator")
    visits.let_in.clear()
    with visits.queue.turn("running", is_favoured=False):
        waiting = [visits.joins("other"), visits.joins("operator")]
    assert all(visit.result() for visit in waiting)
    assert visits.let_in == ["operator", "other"]


def test_what_was_asked_long_ago_is_forgotten() -> None:
    now = [0.0]
    queue = LoginQueue(clock=lambda: now[0])
    assert [queue._remember("a") for _ in range(3)] == [0, 1, 2]
    now[0] += 301
    assert queue._remember("a") == 0


def test_nobody_waits_for_ever() -> None:
    queue = LoginQueue(patience=0.01)
    with (
        queue.turn("running", is_favoured=False),
        pytest.raises(BusyError),
        queue.turn("b", is_favoured=False),
    ):
        pass
    with queue.turn("b", is_favoured=False):
        pass
