"""The readiness that this process tells: asked for once a second at most, however many ask.

Anybody may ask, and an answer costs as much as several tokens. A database that hangs holds one who asks.
"""

import threading
import time

from issuance.health.readiness import Problems, readiness, without_database
from runtime.slots import PATIENCE, StuckError

FRESH = 1.0
"""Seconds for which an answer is given again."""
KNOWN = FRESH + PATIENCE
"""Seconds for which it is given while a new one is made."""


class Latest:
    def __init__(self) -> None:
        self._problems: Problems = {}
        self._answered_at = float("-inf")
        self._began_at = float("-inf")
        self._asking = threading.Lock()

    def problems(self) -> Problems:
        """By check. Waits for nobody but where nothing is known, and then for two seconds at most."""
        if self._age() < FRESH:
            return self._problems
        if not self._asking.acquire(timeout=self._patience()):
            return self._problems if self._age() < KNOWN else without_database(StuckError())
        try:
            if self._age() >= FRESH:
                self._began_at = time.monotonic()
                self._problems = readiness()
                self._answered_at = time.monotonic()
            return self._problems
        finally:
            self._asking.release()

    def _age(self) -> float:
        return time.monotonic() - self._answered_at

    def _patience(self) -> float:
        if self._age() < KNOWN:
            return 0.0
        return max(0.0, self._began_at + PATIENCE - time.monotonic())


LATEST = Latest()
"""Of this process."""
