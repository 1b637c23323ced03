"""runtime/rate_limit/windows.py: never more than the limit within the window, in this process or in a shared Redis."""

import io
import itertools
import json
import random
import sys
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from runtime.rate_limit import shared_counts
from runtime.rate_limit.local_counts import MAX_KEYS
from runtime.rate_limit.shared_counts import SharedCounts
from runtime.rate_limit.windows import Window
from tests.support.at_once import all_at_once
from tests.support.redis_server import RedisServer, redis_server

QUICK = {"socket_timeout": 0.3, "socket_connect_timeout": 0.3}


@dataclass(slots=True)
class Clock:
    """Seconds, moved by the test."""

    now: float = 1000.5

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def window(clock: Clock) -> Window:
    return Window("test", seconds=60, shared=lambda: None, clock=clock)


@pytest.fixture(scope="module")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis(shared_redis: RedisServer) -> RedisServer:
    with shared_redis.client() as link:
        link.flushall()
    return shared_redis


def over(server: RedisServer, *, seconds: int = 60) -> Window:
    """A window as a process of its own has it."""
    counts = SharedCounts(location=server.url, options=dict(QUICK))
    return Window("test", seconds=seconds, shared=lambda: counts)


def test_so_many_pass_and_the_next_learns_when_to_come_back(window: Window, clock: Clock) -> None:
    assert [window.take("a", limit=3) for _ in range(5)] == [0, 0, 0, 60, 60]
    clock.now += 12.2
    assert window.take("a", limit=3) == 48
    clock.now += 47.7
    assert window.take("a", limit=3) == 1
    clock.now += 0.1
    assert [window.take("a", limit=3) for _ in range(4)] == [0, 0, 0, 60]


def test_whoever_waits_as_long_as_asked_passes(window: Window, clock: Clock) -> None:
    for _ in range(200):
        if wait := window.take("a", limit=7):
            clock.now += wait
            assert window.take("a", limit=7) == 0
        clock.now += random.random()


def test_no_window_holds_more_than_the_limit(window: Window, clock: Clock) -> None:
    passed = []
    for _ in range(5000):
        clock.now += random.random() * random.choice([0.01, 0.1, 3])
        if not window.take("a", limit=20):
            passed.append(clock.now)
    assert len(passed) > 100
    # Twenty-one that passed in a row span more than a minute of whole milliseconds.
    assert all(later - first >= 59.999 for first, later in zip(passed, passed[20:], strict=False))


def test_a_lower_limit_waits_for_more_to_leave(window: Window, clock: Clock) -> None:
    for _ in range(4):
        assert window.take("a", limit=4) == 0
        clock.now += 10
    assert window.wait("a", limit=4) == 20
    assert window.wait("a", limit=2) == 40
    assert window.wait("a", limit=1) == 50


def test_asking_counts_nothing(window: Window) -> None:
    assert [window.wait("a", limit=1) for _ in range(3)] == [0, 0, 0]
    assert window.take("a", limit=1) == 0
    assert [window.wait("a", limit=1) for _ in range(3)] == [60, 60, 60]


def test_keys_do_not_touch_each_other_and_are_forgotten_alone(window: Window) -> None:
    for key in "ab":
        assert window.take(key, limit=1) == 0
    window.forget("a")
    assert (window.wait("a", limit=1), window.wait("b", limit=1)) == (0, 60)


@pytest.fixture
def _restless() -> Iterator[None]:
    """Threads are switched as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_restless")
def test_threads_share_a_count(window: Window, clock: Clock) -> None:
    def take_many() -> int:
        passed = 0
        for _ in range(500):
            clock.now += 0.001
            passed += window.take("a", limit=1000) == 0
        return passed

    assert sum(all_at_once(*[take_many] * 8)) == 1000


def test_many_names_take_bounded_memory_and_push_out_no_fresh_count(clock: Clock) -> None:
    window = Window("test", seconds=60, shared=lambda: None, clock=clock)
    tracemalloc.start()
    try:
        for number in range(100_000):
            window.take(f"name {number}", limit=20)
        assert tracemalloc.get_traced_memory()[0] < 24_000_000
    finally:
        tracemalloc.stop()
    assert len(window._local) == MAX_KEYS
    assert window.take("name 99999", limit=1) == 60


def test_the_events_of_a_second_leave_together(window: Window, clock: Clock) -> None:
    """However busy a key is, it holds one count for each second."""
    clock.now = 1000.1
    assert window.take("a", limit=2) == 0
    clock.now = 1000.9
    assert window.take("a", limit=2) == 0
    clock.now = 1060.5
    assert window.take("a", limit=2) == 1
    clock.now = 1060.9
    assert [window.take("a", limit=2) for _ in range(3)] == [0, 0, 60]


def test_a_thread_that_read_the_clock_too_early_takes_nothing_from_the_wait(
    window: Window, clock: Clock
) -> None:
    for clock.now in (1000.5, 1000.3):
        assert window.take("a", limit=2) == 0
    clock.now = 1060.4
    assert window.take("a", limit=2) == 1


def test_a_key_that_is_asked_about_is_not_pushed_out_by_those_that_are_not(clock: Clock) -> None:
    window = Window("test", seconds=60, max_keys=3, shared=lambda: None, clock=clock)
    for name in ("a", "b", "c"):
        window.take(name, limit=1)
    assert window.wait("a", limit=1) == 60
    window.take("d", limit=1)
    assert [window.wait(name, limit=1) for name in ("a", "c", "d")] == [60, 60, 60]
    assert window.wait("b", limit=1) == 0


def test_redis_counts_alike(redis: RedisServer) -> None:
    window = over(redis)
    assert [window.take("a", limit=3) for _ in range(5)] == [0, 0, 0, 60, 60]
    assert [window.wait("a", limit=limit) for limit in (4, 3)] == [0, 60]
    assert window.take("b", limit=1) == 0
    window.forget("a")
    assert (window.wait("a", limit=1), window.wait("b", limit=1)) == (0, 60)


def test_redis_lets_whoever_waits_as_long_as_asked_pass(redis: RedisServer) -> None:
    window = over(redis, seconds=1)
    assert window.take("a", limit=1) == 0
    time.sleep(window.take("a", limit=1))
    assert window.take("a", limit=1) == 0


def test_every_key_in_redis_expires(redis: RedisServer) -> None:
    window = over(redis)
    for number in range(50):
        window.take(f"name {number}", limit=1)
    with redis.client() as link:
        keys = link.keys()
        assert len(keys) == 50
        assert all(0 < link.pttl(key) <= 60_000 for key in keys)


def test_many_processes_share_a_count_in_redis(redis: RedisServer) -> None:
    def take_many(window: Window) -> int:
        return sum(window.take("a", limit=300) == 0 for _ in range(100))

    assert sum(all_at_once(*(partial(take_many, over(redis)) for _ in range(6)))) == 300


def test_who_asks_redis_while_another_waits_for_it_is_counted_there_too(redis: RedisServer) -> None:
    window = over(redis)
    for limit in (1, 2):
        with redis.client() as link:
            link.client_pause(100)
        assert sorted(all_at_once(*[partial(window.take, "a", limit=limit)] * 2)) == [0, 60]


def test_one_event_is_one_round_trip(redis: RedisServer) -> None:
    window = over(redis)
    window.take("a", limit=100)
    with redis.client() as link:
        before = link.info("stats")["total_commands_processed"]
        for _ in range(10):
            window.take("a", limit=100)
        # EVALSHA and, within it, TIME, GET and SET; INFO itself is one more.
        assert link.info("stats")["total_commands_processed"] - before == 41


def test_a_clock_that_was_set_back_stops_nobody_for_long(redis: RedisServer) -> None:
    """The server's clock stands; what lies ahead of it is put there."""
    window = over(redis)
    window.take("a", limit=1)
    with redis.client() as link:
        ahead = "redis.call('SET', KEYS[1], cmsgpack.pack({{tonumber(ARGV[1]), 1}}))"
        link.eval(ahead, 1, "m2m-idp:test:a", int(time.time() * 1000) + 3_600_000)
    assert window.take("a", limit=1) == 0


def test_while_redis_is_away_it_counts_here_and_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log_lines: io.StringIO
) -> None:
    monkeypatch.setattr(shared_counts, "TRY_AGAIN_AFTER", 0.2)
    with redis_server(tmp_path) as server:
        window = over(server)
        assert window.take("a", limit=5) == 0
        server.kill()
        assert [window.take("a", limit=5) for _ in range(6)] == [0, 0, 0, 0, 0, 60]
        window.forget("a")
        assert window.take("a", limit=1) == 0
        time.sleep(0.3)
        assert window.take("a", limit=1) == 60
        [line] = [json.loads(line) for line in log_lines.getvalue().splitlines()]
        assert (line["event.action"], line["log.level"]) == ("cache_away", "warning")
        assert line["event.reason"].startswith("ConnectionError: ")
        server.start()
        time.sleep(0.3)
        assert [window.take("a", limit=2) for _ in range(3)] == [0, 0, 60]


def test_a_redis_that_hangs_is_waited_for_once(tmp_path: Path, log_lines: io.StringIO) -> None:
    with redis_server(tmp_path) as server:
        window = over(server)
        window.take("a", limit=5)
        server.hang()
        started = time.monotonic()
        for _ in range(100):
            window.take("a", limit=1000)
        assert time.monotonic() - started < 1
    assert "TimeoutError" in log_lines.getvalue()


def test_of_those_who_ask_a_redis_that_hangs_one_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log_lines: io.StringIO
) -> None:
    monkeypatch.setattr(shared_counts, "TRY_AGAIN_AFTER", 0.6)
    with redis_server(tmp_path) as server:
        window = over(server)
        server.hang()
        window.take("a", limit=1000)
        time.sleep(0.7)

        def seconds_waited() -> float:
            began = time.monotonic()
            window.take("a", limit=1000)
            return time.monotonic() - began

        waits = all_at_once(*[seconds_waited] * 6)
    # A busy machine may hold up another.
    assert sum(wait > 0.25 for wait in waits) in {1, 2}


@pytest.mark.parametrize("fault", ["wrong type", "out of memory", "password"])
def test_a_redis_that_refuses_is_as_one_that_is_away(
    tmp_path: Path, fault: str, log_lines: io.StringIO
) -> None:
    with redis_server(tmp_path) as server, server.client() as link:
        window = over(server)
        match fault:
            case "wrong type":
                link.lpush("m2m-idp:test:a", "x")
            case "out of memory":
                link.config_set("maxmemory", "1")
            case "password":
                link.config_set("requirepass", "hunter2")
        passed = itertools.takewhile(lambda wait: not wait, iter(lambda: window.take("a", limit=4), None))
        assert len(list(passed)) == 4
    assert "cache_away" in log_lines.getvalue()
