"""Nobody reads standard output, or there is no room behind it: tokens are issued and recorded as ever."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from audit.models import IssuanceEvent, Outcome
from runtime.logs.output import SECONDS_TO_FLUSH
from tests.faults.clients import crowd
from tests.support.cast import Cast
from tests.support.server import Server, serve

PAGE = 4096
TOKENS = 200
PATIENCE = 5


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Reading end and writing end, with room for some five lines."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PAGE)
    yield reading, writing
    for end in (reading, writing):
        os.close(end)


def recorded() -> set[str]:
    return set(IssuanceEvent.objects.filter(outcome=Outcome.ISSUED).values_list("jti", flat=True))


def assert_issues(server: Server, cast: Cast) -> None:
    with crowd(server, [("/oidc_m2m/token", cast.basic("billing"))], connections=8) as clients:
        clients.wait_for(tokens=TOKENS)
    assert (clients.broken, clients.refused, clients.odd) == (0, 0, {})
    assert set(clients.jtis) <= recorded()


@pytest.mark.slow
@pytest.mark.contract("P1.3")
def test_a_reader_that_hangs_stops_nothing(cast: Cast, tmp_path: Path, pipe: tuple[int, int]) -> None:
    with serve(tmp_path, 2, stdout=pipe[1]) as server:
        assert_issues(server, cast)
        stopped_from = time.monotonic()
    assert time.monotonic() - stopped_from < 2 * SECONDS_TO_FLUSH + PATIENCE


@pytest.mark.slow
@pytest.mark.contract("P10.4")
def test_a_reader_that_comes_late_misses_no_line(cast: Cast, tmp_path: Path, pipe: tuple[int, int]) -> None:
    received: list[bytes] = []
    with serve(tmp_path, 2, stdout=pipe[1]) as server:
        assert_issues(server, cast)
        reader = Thread(
            target=lambda: received.extend(iter(lambda: os.read(pipe[0], PAGE), b"")), daemon=True
        )
        reader.start()
    os.write(pipe[1], b"\n")
    wait_until_told(received)
    lines = [json.loads(line) for line in b"".join(received).splitlines() if line]
    assert {line["m2m_idp.jti"] for line in lines if "m2m_idp.jti" in line} == recorded()


@pytest.mark.slow
@pytest.mark.contract("P1.3")
def test_no_room_for_the_log_stops_nothing(cast: Cast, tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full, serve(tmp_path, 2, stdout=full.fileno()) as server:
        assert_issues(server, cast)


def wait_until_told(received: list[bytes]) -> None:
    """Until the last byte, which the test wrote itself, has come."""
    deadline = time.monotonic() + PATIENCE
    while not b"".join(received[-2:]).endswith(b"\n\n"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
