"""Requests that a worker's main loop runs itself, side by side: each is paused while its row is being committed.

Such a request must wait for nothing else, since all others would wait with it. What would wait calls `refuse_to_wait`
first, and before it leaves a mark: then the request is begun again in a thread, which may wait.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable

from django.db import connection
from greenlet import getcurrent, greenlet


class WouldWaitError(BaseException):
    """Nobody but the worker catches it: it is no failure of the request."""


def is_in_main_loop() -> bool:
    """Whether a main loop runs what asks."""
    return getcurrent().parent is not None


def is_in_transaction() -> bool:
    """Of this thread's connection to the database; a main loop has none."""
    return getcurrent().parent is None and bool(connection.in_atomic_block)


def refuse_to_wait() -> None:
    """Raises WouldWaitError in a request that a main loop runs."""
    if getcurrent().parent is not None:
        raise WouldWaitError


class MainLoop:
    """The requests that one thread runs. It alone calls `start` and `go_on`."""

    def __init__(self) -> None:
        self._hub = getcurrent()
        self._ready: deque[greenlet] = deque()
        self.descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        """Readable when `go_on` has something to do."""

    def start(self, run: Callable[[], None]) -> None:
        """Run it until it pauses or ends; one that another request starts comes after that."""
        request = _Request(run, loop=self, parent=self._hub)
        if getcurrent() is self._hub:
            request.switch()
        else:
            self.resume([request])

    def go_on(self) -> None:
        """Run those whose pause is over by now until they pause again or end."""
        os.eventfd_read(self.descriptor)
        for _ in range(len(self._ready)):
            self._ready.popleft().switch()

    def resume(self, paused: Iterable[greenlet]) -> None:
        """From any thread."""
        self._ready.extend(paused)
        os.eventfd_write(self.descriptor, 1)


class _Request(greenlet):
    def __init__(self, run: Callable[[], None], *, loop: MainLoop, parent: greenlet) -> None:
        super().__init__(run, parent)
        self.loop = loop


class Pause:
    """The time that one request waits for another thread, in a main loop or in a thread of its own."""

    __slots__ = ("lock", "request")

    def __init__(self) -> None:
        current = getcurrent()
        self.request = current if isinstance(current, _Request) else None
        self.lock = None if self.request else threading.Lock()
        if self.lock:
            self.lock.acquire()

    def wait(self, *, seconds: float) -> bool:
        """Whether it is over. A thread gives up after so many seconds; in a main loop it lasts until its end."""
        if self.lock:
            return self.lock.acquire(timeout=seconds)
        if self.request and self.request.parent:
            self.request.parent.switch()
        return True

    @staticmethod
    def end(pauses: "Iterable[Pause]") -> None:
        """End each, once, from any thread."""
        by_loop: dict[MainLoop, list[greenlet]] = {}
        for pause in pauses:
            if pause.lock:
                pause.lock.release()
            elif pause.request:
                by_loop.setdefault(pause.request.loop, []).append(pause.request)
        for loop, paused in by_loop.items():
            loop.resume(paused)
