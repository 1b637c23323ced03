"""Standard output, behind a bounded queue: a reader that hangs or a disk that is full stops no request.

A command writes at once. A server calls `start`, and from then on one thread of each process writes.
"""

import atexit
import os
import select
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress

from runtime.logs.log_line import of_event, written

MAX_BYTES = 8 * 1024 * 1024
"""That wait in one process; some ten thousand lines. What comes on top is dropped, and counted."""
BATCH = select.PIPE_BUF
"""Bytes for one call of the system, or a longer line alone. Processes share a pipe; it takes so many in one piece."""
SECONDS_TO_FLUSH = 2.0
"""For which a process that ends waits for the reader."""


class Output:
    """Lines on their way to a file descriptor. Its thread starts with the first line; a fork begins again."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.begin()

    def begin(self) -> None:
        """Empty, without a thread; in a child the lines that wait are its parent's to write."""
        # Reentrant: a signal's handler may log in the midst of `put`.
        self._changed = threading.Condition()
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._dropped = 0
        self._is_mid_line = False
        self._writer: threading.Thread | None = None

    def put(self, *lines: bytes) -> None:
        """Never waits for the reader."""
        with self._changed:
            for line in lines:
                if self._bytes + len(line) > MAX_BYTES:
                    self._dropped += 1
                    continue
                self._lines.append(line)
                self._bytes += len(line)
            if self._writer is None:
                self._writer = self._started()
            self._changed.notify_all()

    def _started(self) -> threading.Thread | None:
        """None where there can be no more threads now: the next line tries again."""
        writer = threading.Thread(target=self._write_forever, name="output", daemon=True)
        with suppress(RuntimeError):
            writer.start()
            return writer
        return None

    def flush(self, *, seconds: float = SECONDS_TO_FLUSH) -> None:
        """Wait until everything is written, or the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: not self._bytes, timeout=seconds)

    def _write_forever(self) -> None:
        while True:
            batch = self._next_batch()
            is_written = self._write(b"".join(batch))
            with self._changed:
                self._bytes -= sum(map(len, batch))
                self._dropped += 0 if is_written else len(batch)
                self._changed.notify_all()
            if is_written and self._dropped:
                self._tell_of_dropped()

    def _next_batch(self) -> list[bytes]:
        with self._changed:
            self._changed.wait_for(lambda: self._lines)
            batch = [self._lines.popleft()]
            size = len(batch[0])
            while self._lines and size + len(self._lines[0]) <= BATCH:
                batch.append(self._lines.popleft())
                size += len(batch[-1])
            return batch

    def _tell_of_dropped(self) -> None:
        with self._changed:
            dropped, self._dropped = self._dropped, 0
        if not self._write(dropped_line(dropped)):
            with self._changed:
                self._dropped += dropped

    def _write(self, text: bytes) -> bool:
        """Whether all of it was written. What follows half a line begins a new one."""
        left = memoryview(b"\n" + text if self._is_mid_line else text)
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:
                select.select([], [self._descriptor], [])
            except OSError:
                # Nothing, whole lines or a part of one: an empty line more does no harm.
                self._is_mid_line = True
                # A disk that is full stays so for a while.
                time.sleep(0.1)
                return False
        self._is_mid_line = False
        return True


_queued: Output | None = None


def start() -> None:
    """From now on lines wait in a queue. A process that was started without a standard output writes none."""
    global _queued  # noqa: PLW0603 - a process has one standard output
    if _queued is not None or sys.stdout is None:
        return
    sys.stdout.flush()
    _queued = Output(sys.stdout.fileno())
    os.register_at_fork(after_in_child=_queued.begin)
    atexit.register(_queued.flush)


def write_line(line: str) -> None:
    """Write a line, here without its end. A standard output that is full or closed stops nothing."""
    write_lines([line.encode()])


def write_lines(lines: Iterable[bytes]) -> None:
    """Write several together, in UTF-8 and without their ends."""
    if _queued is not None:
        _queued.put(*(line + b"\n" for line in lines))
        return
    with suppress(OSError, ValueError, AttributeError):
        sys.stdout.writelines(line.decode() + "\n" for line in lines)
        sys.stdout.flush()


def dropped_line(lines: int) -> bytes:
    counts = {
        "lines": lines,
        "reason": "Standard output was full or nobody read it.",
        "advice": "The record has every request: see docs/event-stream.md.",
    }
    line = of_event("lines_dropped", counts, at=time.time(), level="warning", logger="audit")
    return written(line).encode() + b"\n"
