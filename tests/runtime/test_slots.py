"""runtime/slots.py: who waits for a slot, in which order, and who does not wait any more."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from runtime.slots import Slots, StuckError

SECONDS = 5
SHORT = 0.2
"""Seconds of patience, where a test waits until they are over."""


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as threads:
        yield threads


@contextmanager
def held(slots: Slots, pool: ThreadPoolExecutor) -> Iterator[threading.Event]:
    """A thread has a slot until the block ends, or the event that it gives is set."""
    has_slot, leave = threading.Event(), threading.Event()

    def stay() -> None:
        with slots.slot():
            has_slot.set()
            assert leave.wait(SECONDS)

    staying = pool.submit(stay)
    assert has_slot.wait(SECONDS)
    try:
        yield leave
    finally:
        leave.set()
        staying.result(SECONDS)


def waiting(slots: Slots, pool: ThreadPoolExecutor, seen: list[int], number: int) -> "Future[None]":
    """A thread that waits for a slot, and writes its number down once it has one."""
    before = len(slots._waiting)

    def wait() -> None:
        with slots.slot():
            seen.append(number)

    future = pool.submit(wait)
    deadline = time.monotonic() + SECONDS
    while len(slots._waiting) == before:
        assert time.monotonic() < deadline, "it does not wait"
        time.sleep(0.001)
    return future


def test_so_many_have_a_turn_at_once(pool: ThreadPoolExecutor) -> None:
    slots = Slots(2, patience=SHORT)
    with held(slots, pool), held(slots, pool), pytest.raises(StuckError), slots.slot():
        raise AssertionError("a third has a slot")
    with slots.slot():
        pass


def test_turns_are_given_in_the_order_of_asking(pool: ThreadPoolExecutor) -> None:
    slots, seen = Slots(1, patience=SECONDS), list[int]()
    with held(slots, pool):
        futures = [waiting(slots, pool, seen, number) for number in range(5)]
    for future in futures:
        future.result(SECONDS)
    assert seen == [0, 1, 2, 3, 4]


def test_a_turn_that_ends_goes_to_who_waits_not_to_who_comes_first(pool: ThreadPoolExecutor) -> None:
    slots, seen = Slots(1, patience=SECONDS), list[int]()
    with held(slots, pool) as leave:
        first = waiting(slots, pool, seen, 1)
        leave.set()
        with slots.slot():
            seen.append(2)
    first.result(SECONDS)
    assert seen == [1, 2]


def test_whoever_waits_gives_up_when_no_turn_ends(pool: ThreadPoolExecutor) -> None:
    slots = Slots(1, patience=SHORT)
    with held(slots, pool):
        began = time.monotonic()
        with pytest.raises(StuckError), slots.slot():
            raise AssertionError("a second has a slot")
        assert SHORT * 0.5 <= time.monotonic() - began < SECONDS


def test_once_no_turn_ended_for_so_long_nobody_waits(pool: ThreadPoolExecutor) -> None:
    now = [100.0]
    slots = Slots(1, patience=60, clock=lambda: now[0])
    with held(slots, pool):
        now[0] += 60
        began = time.monotonic()
        with pytest.raises(StuckError), slots.slot():
            raise AssertionError("a second has a slot")
        assert time.monotonic() - began < SECONDS
    with slots.slot():
        pass


def test_a_slot_that_is_released_gives_the_others_patience_again(pool: ThreadPoolExecutor) -> None:
    now = [100.0]
    slots, seen = Slots(2, patience=60, clock=lambda: now[0]), list[int]()
    with held(slots, pool), held(slots, pool) as leave:
        now[0] += 59
        leave.set()
        with slots.slot():
            now[0] += 59
            third = waiting(slots, pool, seen, 3)
    third.result(SECONDS)
    assert seen == [3]


def test_a_thread_that_has_a_turn_needs_no_other(pool: ThreadPoolExecutor) -> None:
    slots = Slots(1, patience=SHORT)
    with slots.slot(), slots.slot():
        pass
    with held(slots, pool), pytest.raises(StuckError), slots.slot():
        raise AssertionError("a second has a slot")


def test_a_turn_ends_for_whoever_fails(pool: ThreadPoolExecutor) -> None:
    slots = Slots(1, patience=SHORT)
    for _ in range(3):
        with pytest.raises(ValueError, match="in it"), slots.slot():
            raise ValueError("in it")
    with held(slots, pool):
        pass


def test_who_gave_up_is_given_nothing(pool: ThreadPoolExecutor) -> None:
    """A slot that goes to a thread which went away would be lost."""
    slots = Slots(1, patience=SHORT)
    with held(slots, pool), pytest.raises(StuckError), slots.slot():
        raise AssertionError("a second has a slot")
    for _ in range(3):
        with held(slots, pool):
            pass


def test_many_threads_share_them(pool: ThreadPoolExecutor) -> None:
    slots, inside, most = Slots(3), [0], [0]
    lock = threading.Lock()

    def work(_: int) -> None:
        with slots.slot():
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            time.sleep(0.0005)
            with lock:
                inside[0] -= 1

    list(pool.map(work, range(400)))
    assert most == [3]
    assert slots._free == 3
