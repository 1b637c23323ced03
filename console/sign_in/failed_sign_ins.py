"""A flood of failed sign-ins does not fill the record: beyond a budget they are counted, and each count becomes a row.

As for refused token requests (flood.py), but a process has few: passwords are checked one at a time. A process that is
killed loses what it counted since it last wrote.
"""

import threading
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import connection, transaction
from django.utils import timezone

from audit.models import OperationalEvent
from audit.writing.operational_events import record_act
from issuance.client_auth.throttle import source_network
from issuers.versioning.history import Source
from runtime.rate_limit.windows import Window

RECORDED_PER_MINUTE = 10
"""Failed sign-ins of one source network that have a row each, in one process."""
RECORDED_OF_ALL = 30
"""Of all networks together."""
WRITE_AFTER = 60.0
"""Seconds after the first one that was counted."""
MAX_KEYS = 20
"""Counts that wait in one process. What does not fit is counted under the network OTHER."""
OTHER, ALL = "other", "all"
UNKNOWN = "unknown"
"""The actor if no user's name was tried, or several were."""

log = structlog.get_logger("console")


def _nothing_shared() -> None:
    """Each process has a budget of its own."""


BUDGET = Window("sign-ins-failed", seconds=60, shared=_nothing_shared)
TOTAL = Window("sign-ins-failed-of-all", seconds=60, shared=_nothing_shared)


@dataclass(frozen=True, slots=True)
class Key:
    """The values that are counted together."""

    minute: datetime
    network: str


class Counts:
    """Failed sign-ins that are not written yet; threads may share them."""

    def __init__(self) -> None:
        self._counts: Counter[Key] = Counter()
        self._lock = threading.Lock()

    def add(self, key: Key, failed: int = 1) -> bool:
        """Whether it is the first, so that a write is due."""
        with self._lock:
            is_first = not self._counts
            if key not in self._counts and len(self._counts) >= MAX_KEYS:
                key = Key(min(counted.minute for counted in self._counts), OTHER)
            self._counts[key] += failed
        return is_first

    def take(self) -> Counter[Key]:
        """All counts, to be written. Those that cannot be written are added again."""
        with self._lock:
            taken, self._counts = self._counts, Counter()
        return taken


COUNTS = Counts()


def is_counted(address: str, *, now: datetime) -> bool:
    """Whether one more failure is beyond the budget: then it is counted here instead of a row."""
    network = source_network(address)
    if not BUDGET.take(network, limit=RECORDED_PER_MINUTE) and not TOTAL.take(ALL, limit=RECORDED_OF_ALL):
        return False
    if COUNTS.add(Key(now.replace(second=0, microsecond=0), network)):
        _write_later()
    return True


def write_counts() -> None:
    """Write the counts into the record. If that fails they are kept, and written later."""
    taken = COUNTS.take()
    if not taken:
        return
    try:
        _insert(taken)
    except Exception as failure:
        for key, failed in taken.items():
            COUNTS.add(key, failed)
        _write_later()
        log.error("failed_sign_ins_not_written", reason=type(failure).__name__)  # noqa: TRY400 - one line
    finally:
        connection.close()


def _write_later() -> None:
    timer = threading.Timer(WRITE_AFTER, write_counts)
    timer.daemon = True
    timer.start()


def _insert(counted: Counter[Key]) -> None:
    with transaction.atomic():
        for key, failed in counted.items():
            record_act(
                OperationalEvent.Kind.SIGN_IN_FAILED,
                now=timezone.now(),
                actor=UNKNOWN,
                source=Source.ADMIN,
                target=f"network {key.network}",
                detail=f"{failed} more failed sign-ins in the minute from {key.minute:%Y-%m-%d %H:%M} UTC on, "
                "counted and not recorded one by one.",
            )
