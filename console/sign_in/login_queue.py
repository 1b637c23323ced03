"""Whose password is checked next, in this process: one at a time, and one at a time for each visitor."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

MAX_WAITING = 2
"""Each waits in a thread of the server."""
PATIENCE = 10.0
"""Seconds that a visitor waits."""
FORGOTTEN_AFTER = 300.0
"""Seconds without a request of a visitor."""
MAX_REMEMBERED = 10_000
"""Visitors, some 3 MB."""


class BusyError(Exception):
    """No place: this visitor has one, or others who asked less often have all of them."""


@dataclass(slots=True, eq=False)
class _Waiter:
    visitor: str
    asked_before: int
    """How often, since its last success."""
    moved: threading.Event = field(default_factory=threading.Event)
    has_turn: bool = False


class LoginQueue:
    """The visitor who asked least often since its last success goes first: persistent guessers come last.

    A visitor that is sent away has asked, too. A preferred one counts as one that never asked.
    """

    def __init__(self, *, patience: float = PATIENCE, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._clock = clock
        self._lock = threading.Lock()
        self._is_taken = False
        self._inside: set[str] = set()
        """The visitors that wait, and the one whose password is being checked."""
        self._waiting: list[_Waiter] = []
        self._asked: OrderedDict[str, tuple[int, float]] = OrderedDict()
        """How often, and when last."""

    @contextmanager
    def turn(self, visitor: str, *, is_favoured: bool) -> Iterator[None]:
        """Raises BusyError."""
        self._begin(visitor, is_favoured=is_favoured)
        try:
            yield
        finally:
            self._end(visitor)

    def succeeded(self, visitor: str) -> None:
        with self._lock:
            self._asked.pop(visitor, None)

    def _begin(self, visitor: str, *, is_favoured: bool) -> None:
        with self._lock:
            asked_before = 0 if is_favoured else self._remember(visitor)
            if visitor in self._inside:
                raise BusyError
            self._inside.add(visitor)
            if not self._is_taken:
                self._is_taken = True
                return
            waiter = _Waiter(visitor, asked_before)
            self._waiting.append(waiter)
            if len(self._waiting) > MAX_WAITING:
                # Of visitors who asked equally often, the last to come is sent away.
                self._send_away(max(reversed(self._waiting), key=lambda other: other.asked_before))
        waiter.moved.wait(self._patience)
        with self._lock:
            if waiter in self._waiting:
                self._send_away(waiter)
        if not waiter.has_turn:
            raise BusyError

    def _end(self, visitor: str) -> None:
        with self._lock:
            self._inside.discard(visitor)
            if not self._waiting:
                self._is_taken = False
                return
            following = min(self._waiting, key=lambda waiter: waiter.asked_before)
            self._waiting.remove(following)
            following.has_turn = True
            following.moved.set()

    def _send_away(self, waiter: _Waiter) -> None:
        self._waiting.remove(waiter)
        self._inside.discard(waiter.visitor)
        waiter.moved.set()

    def _remember(self, visitor: str) -> int:
        """How often the visitor asked before."""
        now = self._clock()
        asked, last_at = self._asked.pop(visitor, (0, now))
        if now - last_at > FORGOTTEN_AFTER:
            asked = 0
        self._asked[visitor] = (asked + 1, now)
        if len(self._asked) > MAX_REMEMBERED:
            self._asked.popitem(last=False)
        return asked
