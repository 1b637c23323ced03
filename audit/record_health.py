"""Whether this process can record: what became of its last attempts, and the periods in which none succeeded.

Every request asks for a row, so this process knows without asking the database. Threads share it.
"""

import threading
import time
from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils import timezone

from audit.entry import cleaned

MAX_GAPS = 100
"""Gaps that are over and not taken yet. Of more, the oldest are forgotten."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A period in which no attempt of this process to record succeeded."""

    since: datetime
    """The first failure."""
    reason: str
    """Of the latest failure."""
    failures: int
    """Requests whose row was not committed; a probe (write_probe.py) is none."""
    until: datetime | None = None
    """The first success after it; None while it lasts."""


class RecordHealth:
    def __init__(self) -> None:
        self._gap: Gap | None = None
        self._ended: deque[Gap] = deque(maxlen=MAX_GAPS)
        self._succeeded_at = float("-inf")
        self._lock = threading.Lock()

    @property
    def gap(self) -> Gap | None:
        """The one that lasts: no attempt has succeeded since its first failure."""
        return self._gap

    @property
    def has_succeeded(self) -> bool:
        """Ever."""
        return self._succeeded_at > float("-inf")

    @property
    def seconds_since_success(self) -> float:
        """Infinite before the first."""
        return time.monotonic() - self._succeeded_at

    def succeeded(self) -> None:
        """On the path of every token: two assignments while all is well."""
        self._succeeded_at = time.monotonic()
        if self._gap is None:
            return
        with self._lock:
            if self._gap is not None:
                self._ended.append(replace(self._gap, until=timezone.now()))
                self._gap = None

    def failed(self, reason: str, *, requests: int = 1) -> None:
        with self._lock:
            gap = self._gap or Gap(since=timezone.now(), reason=reason, failures=0)
            self._gap = replace(gap, reason=reason, failures=gap.failures + requests)

    def take_ended(self) -> list[Gap]:
        """The gaps that are over, oldest first, each once."""
        with self._lock:
            taken = list(self._ended)
            self._ended.clear()
        return taken


def reason_of(failure: Exception) -> str:
    """What the database said, without its lines of context."""
    return cleaned(str(failure).partition("\n")[0])


RECORD_HEALTH = RecordHealth()
"""Of this process."""
