"""runtime/main_loop.py: requests that one thread runs side by side."""

import select
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from runtime.main_loop import MainLoop, Pause, WouldWaitError, is_in_main_loop, refuse_to_wait

LONG = 10.0
"""Seconds that nothing here takes."""


@pytest.fixture
def another_thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def go_on(loop: MainLoop) -> None:
    """As soon as it has something to do."""
    readable, _, _ = select.select([loop.descriptor], [], [], LONG)
    assert readable
    loop.go_on()


def test_a_request_that_pauses_lets_the_next_one_run_and_goes_on_when_it_is_woken(
    another_thread: ThreadPoolExecutor,
) -> None:
    loop, pauses, seen = MainLoop(), [], []

    def request(name: str) -> None:
        pauses.append(Pause())
        seen.append(f"{name} waits")
        pauses[-1].wait(seconds=0)
        seen.append(f"{name} goes on")

    loop.start(partial(request, "first"))
    loop.start(partial(request, "second"))
    assert seen == ["first waits", "second waits"]
    another_thread.submit(Pause.end, pauses[::-1]).result()
    assert seen == ["first waits", "second waits"]
    go_on(loop)
    assert seen[2:] == ["second goes on", "first goes on"]


def test_a_request_may_pause_more_than_once(another_thread: ThreadPoolExecutor) -> None:
    loop, seen = MainLoop(), []

    def request() -> None:
        for number in range(3):
            pause = Pause()
            another_thread.submit(Pause.end, [pause])
            pause.wait(seconds=0)
            seen.append(number)

    loop.start(request)
    for _ in range(3):
        go_on(loop)
    assert seen == [0, 1, 2]


def test_a_request_that_another_starts_runs_after_it() -> None:
    loop, seen = MainLoop(), []

    def first() -> None:
        loop.start(lambda: seen.append("second"))
        seen.append("first")

    loop.start(first)
    assert seen == ["first"]
    go_on(loop)
    assert seen == ["first", "second"]


def test_what_would_wait_is_refused_in_a_main_loop_alone() -> None:
    refuse_to_wait()
    assert not is_in_main_loop()
    seen: list[bool] = []

    def request() -> None:
        seen.append(is_in_main_loop())
        with pytest.raises(WouldWaitError):
            refuse_to_wait()

    MainLoop().start(request)
    assert seen == [True]


def test_no_handler_of_failures_takes_the_refusal_for_one() -> None:
    assert not issubclass(WouldWaitError, Exception)


def test_a_pause_of_a_thread_ends_when_it_is_over_or_its_seconds_are(
    another_thread: ThreadPoolExecutor,
) -> None:
    begun = threading.Event()

    def waits() -> bool:
        pauses.append(Pause())
        begun.set()
        return pauses[0].wait(seconds=LONG)

    pauses: list[Pause] = []
    waiting = another_thread.submit(waits)
    assert begun.wait(LONG)
    Pause.end(pauses)
    assert waiting.result(LONG) is True
    assert Pause().wait(seconds=0) is False
