"""The queue before standard output."""

import json
import os
import threading
import time
from collections.abc import Iterator

import pytest

from runtime.logs import output
from runtime.logs.output import MAX_BYTES, Output

PATIENCE = 5


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Reading end and writing end."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def read_lines(descriptor: int, number: int) -> list[bytes]:
    text = b""
    while text.count(b"\n") < number:
        text += os.read(descriptor, 65_536)
    return text.splitlines()


def test_lines_come_in_their_order(pipe: tuple[int, int]) -> None:
    queue = Output(pipe[1])
    for number in range(1000):
        queue.put(b"%d\n" % number)
    assert read_lines(pipe[0], 1000) == [b"%d" % number for number in range(1000)]


def test_a_thread_that_cannot_start_now_starts_with_a_later_line(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_more(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    queue = Output(pipe[1])
    with monkeypatch.context() as full:
        full.setattr("threading.Thread.start", no_more)
        queue.put(b"first\n")
    queue.put(b"second\n")
    assert read_lines(pipe[0], 2) == [b"first", b"second"]


def test_what_does_not_fit_is_counted_and_reported(pipe: tuple[int, int]) -> None:
    queue, line = Output(pipe[1]), b"x" * 99_999 + b"\n"
    fitting = MAX_BYTES // len(line)
    for _ in range(fitting + 3):
        queue.put(line)
    lines = read_lines(pipe[0], fitting + 1)
    (told,) = set(lines) - {line.rstrip()}
    assert lines.count(line.rstrip()) == fitting
    assert json.loads(told) | {"@timestamp": "", "m2m_idp.advice": ""} == {
        "@timestamp": "",
        "ecs.version": "8.17.0",
        "log.level": "warning",
        "log.logger": "audit",
        "message": "lines_dropped: Standard output was full or nobody read it.",
        "event.action": "lines_dropped",
        "event.reason": "Standard output was full or nobody read it.",
        "m2m_idp.lines": 3,
        "m2m_idp.advice": "",
    }
    queue.put(b"after\n")
    assert read_lines(pipe[0], 1) == [b"after"]


def test_a_flush_ends_when_all_is_written_and_waits_no_longer_than_it_may(pipe: tuple[int, int]) -> None:
    queue = Output(pipe[1])
    queue.put(b"a\n")
    queue.flush(seconds=PATIENCE)
    os.set_blocking(pipe[0], False)
    assert os.read(pipe[0], 9) == b"a\n"
    queue.put(b"x" * 1_000_000 + b"\n")
    began = time.monotonic()
    queue.flush(seconds=0.2)
    assert 0.2 <= time.monotonic() - began < PATIENCE
    # Its thread would write the rest into whatever gets the descriptor next.
    os.set_blocking(pipe[0], True)
    read_lines(pipe[0], 1)


def test_what_cannot_be_written_is_reported_later(pipe: tuple[int, int]) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    queue = Output(full)
    queue.put(b"lost\n")
    queue.flush(seconds=PATIENCE)
    os.dup2(pipe[1], full)
    queue.put(b"kept\n")
    # A line of which half may have been written is ended first.
    empty, kept, told = read_lines(pipe[0], 3)
    os.close(full)
    assert (empty, kept, json.loads(told)["m2m_idp.lines"]) == (b"", b"kept", 1)


def test_a_descriptor_that_does_not_wait_is_waited_for(pipe: tuple[int, int]) -> None:
    os.set_blocking(pipe[1], False)
    queue = Output(pipe[1])
    queue.put(b"x" * 1_000_000 + b"\n")
    assert read_lines(pipe[0], 1) == [b"x" * 1_000_000]


def test_a_process_without_a_standard_output_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    output.start()
    output.write_line("lost")
    assert output._queued is None
