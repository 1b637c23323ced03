"""Whether this process can record: what became of its last attempts, and the periods in which none succeeded.

Every request asks for a row, so this process knows without asking the database. Threads share it.
"""

import threading
import time
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils import timezone

from formats.masking import cleaned


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
    periods: int = 1
    """Several that were over one after the other are reported as one, from the first to the last."""

    def joined(self, later: "Gap") -> "Gap":
        return replace(
            later,
            since=self.since,
            failures=self.failures + later.failures,
            periods=self.periods + later.periods,
        )


class RecordHealth:
    def __init__(self) -> None:
        self._gap: Gap | None = None
        self._ended: Gap | None = None
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
                over = replace(self._gap, until=timezone.now())
                self._ended = self._ended.joined(over) if self._ended else over
                self._gap = None

    def failed(self, reason: str, *, requests: int = 1) -> None:
        with self._lock:
            gap = self._gap or Gap(since=timezone.now(), reason=reason, failures=0)
            self._gap = replace(gap, reason=reason, failures=gap.failures + requests)

    def take_ended(self) -> Gap | None:
        """What is over, once: all periods since it was last taken. What cannot be written is given back."""
        with self._lock:
            taken, self._ended = self._ended, None
        return taken

    def give_back(self, gap: Gap) -> None:
        with self._lock:
            self._ended = gap.joined(self._ended) if self._ended else gap


def reason_of(failure: Exception) -> str:
    """What the database said, without its lines of context."""
    return cleaned(str(failure).partition("\n")[0])


RECORD_HEALTH = RecordHealth()
"""Of this process."""
