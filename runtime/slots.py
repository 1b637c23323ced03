"""Slots: how many threads of this process may do something at once, and what the others do when none is released.

A database that hangs without a word holds whoever asks it. So fewer threads may ask than there are: the others answer
what needs no database, and say of the rest that it does not answer.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from django.conf import settings
from django.db import OperationalError

from runtime.main_loop import refuse_to_wait

PATIENCE = 2.0
"""Seconds for which all slots are taken and none is released: then nobody waits any more."""


class StuckError(OperationalError):
    """All slots are taken, and none is released."""


class Slots:
    """So many at once, given in the order in which they are asked for.

    A thread that has one has it also for whatever it asks for meanwhile.
    """

    def __init__(
        self, count: int, *, patience: float = PATIENCE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._free = count
        self._patience = patience
        self._clock = clock
        self._moved_at = clock()
        """When the last slot was taken or released."""
        self._waiting: deque[threading.Event] = deque()
        self._lock = threading.Lock()
        self._held = threading.local()

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait for a slot for as long as others release theirs. Raises StuckError; in a main loop WouldWaitError."""
        refuse_to_wait()
        if getattr(self._held, "by_this_thread", False):
            yield
            return
        self._begin()
        self._held.by_this_thread = True
        try:
            yield
        finally:
            self._held.by_this_thread = False
            self._end()

    @contextmanager
    def slot_if_free(self) -> Iterator[None]:
        """As `slot`, but where it would raise, go on without one."""
        with ExitStack() as held:
            with suppress(StuckError):
                held.enter_context(self.slot())
            yield

    def _begin(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                self._moved_at = self._clock()
                return
            given = threading.Event()
            self._waiting.append(given)
        while not given.wait(self._patience_left()):
            self._give_up(given)

    def _patience_left(self) -> float:
        return max(0.0, self._moved_at + self._patience - self._clock())

    def _give_up(self, given: threading.Event) -> None:
        """Unless a slot was released meanwhile. Raises StuckError."""
        with self._lock:
            if not given.is_set() and not self._patience_left():
                self._waiting.remove(given)
                raise StuckError("All slots are taken, and none is released.")

    def _end(self) -> None:
        with self._lock:
            self._moved_at = self._clock()
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1


DATABASE = Slots(settings.DATABASE_SLOTS)
"""For what the protocol asks of it: the configuration, what was used once, the row."""
