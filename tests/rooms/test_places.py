"""issuers/places.py: who waits for a place, in which order, and who does not wait any more."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from issuers.places import Places, StuckError

SECONDS = 5
SHORT = 0.2
"""Seconds of patience, where a test waits until they are over."""


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as threads:
        yield threads


@contextmanager
def held(places: Places, pool: ThreadPoolExecutor) -> Iterator[threading.Event]:
    """A thread has a place until the block ends, or the event that it gives is set."""
    has_place, leave = threading.Event(), threading.Event()

    def stay() -> None:
        with places.taken():
            has_place.set()
            assert leave.wait(SECONDS)

    staying = pool.submit(stay)
    assert has_place.wait(SECONDS)
    try:
        yield leave
    finally:
        leave.set()
        staying.result(SECONDS)


def waiting(places: Places, pool: ThreadPoolExecutor, seen: list[int], number: int) -> "Future[None]":
    """A thread that waits for a place, and writes its number down once it has one."""
    before = len(places._waiting)

    def wait() -> None:
        with places.taken():
            seen.append(number)

    future = pool.submit(wait)
    deadline = time.monotonic() + SECONDS
    while len(places._waiting) == before:
        assert time.monotonic() < deadline, "it does not wait"
        time.sleep(0.001)
    return future


def test_so_many_have_a_place_at_once(pool: ThreadPoolExecutor) -> None:
    places = Places(2, patience=SHORT)
    with held(places, pool), held(places, pool), pytest.raises(StuckError), places.taken():
        raise AssertionError("a third has a place")
    with places.taken():
        pass


def test_places_are_given_in_the_order_of_asking(pool: ThreadPoolExecutor) -> None:
    places, seen = Places(1, patience=SECONDS), list[int]()
    with held(places, pool):
        futures = [waiting(places, pool, seen, number) for number in range(5)]
    for future in futures:
        future.result(SECONDS)
    assert seen == [0, 1, 2, 3, 4]


def test_a_place_that_is_left_goes_to_who_waits_not_to_who_comes_first(pool: ThreadPoolExecutor) -> None:
    places, seen = Places(1, patience=SECONDS), list[int]()
    with held(places, pool) as leave:
        first = waiting(places, pool, seen, 1)
        leave.set()
        with places.taken():
            seen.append(2)
    first.result(SECONDS)
    assert seen == [1, 2]


def test_whoever_waits_gives_up_when_nobody_leaves(pool: ThreadPoolExecutor) -> None:
    places = Places(1, patience=SHORT)
    with held(places, pool):
        began = time.monotonic()
        with pytest.raises(StuckError), places.taken():
            raise AssertionError("a second has a place")
        assert SHORT * 0.5 <= time.monotonic() - began < SECONDS


def test_once_nobody_left_for_so_long_nobody_waits(pool: ThreadPoolExecutor) -> None:
    now = [100.0]
    places = Places(1, patience=60, clock=lambda: now[0])
    with held(places, pool):
        now[0] += 60
        began = time.monotonic()
        with pytest.raises(StuckError), places.taken():
            raise AssertionError("a second has a place")
        assert time.monotonic() - began < SECONDS
    with places.taken():
        pass


def test_whoever_leaves_gives_the_others_patience_anew(pool: ThreadPoolExecutor) -> None:
    now = [100.0]
    places, seen = Places(2, patience=60, clock=lambda: now[0]), list[int]()
    with held(places, pool), held(places, pool) as leave:
        now[0] += 59
        leave.set()
        with places.taken():
            now[0] += 59
            third = waiting(places, pool, seen, 3)
    third.result(SECONDS)
    assert seen == [3]


def test_a_thread_that_has_a_place_needs_no_other(pool: ThreadPoolExecutor) -> None:
    places = Places(1, patience=SHORT)
    with places.taken(), places.taken():
        pass
    with held(places, pool), pytest.raises(StuckError), places.taken():
        raise AssertionError("a second has a place")


def test_a_place_is_left_by_whoever_fails(pool: ThreadPoolExecutor) -> None:
    places = Places(1, patience=SHORT)
    for _ in range(3):
        with pytest.raises(ValueError, match="in it"), places.taken():
            raise ValueError("in it")
    with held(places, pool):
        pass


def test_who_gave_up_is_given_nothing(pool: ThreadPoolExecutor) -> None:
    """A place that goes to a thread which went away would be lost."""
    places = Places(1, patience=SHORT)
    with held(places, pool), pytest.raises(StuckError), places.taken():
        raise AssertionError("a second has a place")
    for _ in range(3):
        with held(places, pool):
            pass


def test_many_threads_share_them(pool: ThreadPoolExecutor) -> None:
    places, inside, most = Places(3), [0], [0]
    lock = threading.Lock()

    def work(_: int) -> None:
        with places.taken():
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            time.sleep(0.0005)
            with lock:
                inside[0] -= 1

    list(pool.map(work, range(400)))
    assert most == [3]
    assert places._free == 3
