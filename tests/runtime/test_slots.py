"""runtime/slots.py: who waits for a turn, in which order, and who does not wait any more."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from runtime.slots import StuckError, Turns

SECONDS = 5
SHORT = 0.2
"""Seconds of patience, where a test waits until they are over."""


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as threads:
        yield threads


@contextmanager
def held(turns: Turns, pool: ThreadPoolExecutor) -> Iterator[threading.Event]:
    """A thread has a turn until the block ends, or the event that it gives is set."""
    has_turn, leave = threading.Event(), threading.Event()

    def stay() -> None:
        with turns.turn():
            has_turn.set()
            assert leave.wait(SECONDS)

    staying = pool.submit(stay)
    assert has_turn.wait(SECONDS)
    try:
        yield leave
    finally:
        leave.set()
        staying.result(SECONDS)


def waiting(turns: Turns, pool: ThreadPoolExecutor, seen: list[int], number: int) -> "Future[None]":
    """A thread that waits for a turn, and writes its number down once it has one."""
    before = len(turns._waiting)

    def wait() -> None:
        with turns.turn():
            seen.append(number)

    future = pool.submit(wait)
    deadline = time.monotonic() + SECONDS
    while len(turns._waiting) == before:
        assert time.monotonic() < deadline, "it does not wait"
        time.sleep(0.001)
    return future


def test_so_many_have_a_turn_at_once(pool: ThreadPoolExecutor) -> None:
    turns = Turns(2, patience=SHORT)
    with held(turns, pool), held(turns, pool), pytest.raises(StuckError), turns.turn():
        raise AssertionError("a third has a turn")
    with turns.turn():
        pass


def test_turns_are_given_in_the_order_of_asking(pool: ThreadPoolExecutor) -> None:
    turns, seen = Turns(1, patience=SECONDS), list[int]()
    with held(turns, pool):
        futures = [waiting(turns, pool, seen, number) for number in range(5)]
    for future in futures:
        future.result(SECONDS)
    assert seen == [0, 1, 2, 3, 4]


def test_a_turn_that_ends_goes_to_who_waits_not_to_who_comes_first(pool: ThreadPoolExecutor) -> None:
    turns, seen = Turns(1, patience=SECONDS), list[int]()
    with held(turns, pool) as leave:
        first = waiting(turns, pool, seen, 1)
        leave.set()
        with turns.turn():
            seen.append(2)
    first.result(SECONDS)
    assert seen == [1, 2]


def test_whoever_waits_gives_up_when_no_turn_ends(pool: ThreadPoolExecutor) -> None:
    turns = Turns(1, patience=SHORT)
    with held(turns, pool):
        began = time.monotonic()
        with pytest.raises(StuckError), turns.turn():
            raise AssertionError("a second has a turn")
        assert SHORT * 0.5 <= time.monotonic() - began < SECONDS


def test_once_no_turn_ended_for_so_long_nobody_waits(pool: ThreadPoolExecutor) -> None:
    now = [100.0]
    turns = Turns(1, patience=60, clock=lambda: now[0])
    with held(turns, pool):
        now[0] += 60
        began = time.monotonic()
        with pytest.raises(StuckError), turns.turn():
            raise AssertionError("a second has a turn")
        assert time.monotonic() - began < SECONDS
    with turns.turn():
        pass


def test_a_turn_that_ends_gives_the_others_patience_anew(pool: ThreadPoolExecutor) -> None:
    now = [100.0]
    turns, seen = Turns(2, patience=60, clock=lambda: now[0]), list[int]()
    with held(turns, pool), held(turns, pool) as leave:
        now[0] += 59
        leave.set()
        with turns.turn():
            now[0] += 59
            third = waiting(turns, pool, seen, 3)
    third.result(SECONDS)
    assert seen == [3]


def test_a_thread_that_has_a_turn_needs_no_other(pool: ThreadPoolExecutor) -> None:
    turns = Turns(1, patience=SHORT)
    with turns.turn(), turns.turn():
        pass
    with held(turns, pool), pytest.raises(StuckError), turns.turn():
        raise AssertionError("a second has a turn")


def test_a_turn_ends_for_whoever_fails(pool: ThreadPoolExecutor) -> None:
    turns = Turns(1, patience=SHORT)
    for _ in range(3):
        with pytest.raises(ValueError, match="in it"), turns.turn():
            raise ValueError("in it")
    with held(turns, pool):
        pass


def test_who_gave_up_is_given_nothing(pool: ThreadPoolExecutor) -> None:
    """A turn that goes to a thread which went away would be lost."""
    turns = Turns(1, patience=SHORT)
    with held(turns, pool), pytest.raises(StuckError), turns.turn():
        raise AssertionError("a second has a turn")
    for _ in range(3):
        with held(turns, pool):
            pass


def test_many_threads_share_them(pool: ThreadPoolExecutor) -> None:
    turns, inside, most = Turns(3), [0], [0]
    lock = threading.Lock()

    def work(_: int) -> None:
        with turns.turn():
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            time.sleep(0.0005)
            with lock:
                inside[0] -= 1

    list(pool.map(work, range(400)))
    assert most == [3]
    assert turns._free == 3
