"""Floods: refusals of what proved nothing, beyond a budget of their source network or that of all, are counted.

A count is kept in this process until it is written, every ten seconds and when the process ends. While the database is
away it waits; a process that is killed loses what it counted since.
"""

import threading
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.db import connection, transaction

from audit.models import RefusalCount
from audit.writing.entry import Entry
from issuance.client_auth.throttle import source_network
from issuance.wire.errors import OAuthError
from runtime.rate_limit.windows import Window

WRITE_EVERY = 10.0
"""Seconds."""
MAX_KEYS = 4_000
"""That wait in one process, some 2 MB. What does not fit is counted under the network OTHER."""
OTHER = "other"

log = structlog.get_logger("issuance")


def _nothing_shared() -> None:
    """Each process has a budget of its own: a flood does not ask the cache as well."""


BUDGET = Window("refusals", seconds=60, shared=_nothing_shared)
TOTAL = Window("refusals-of-all", seconds=60, shared=_nothing_shared)
ALL = "all"
"""In place of a network."""
TIMES = 10
"""So many times the budget of one network is that of all together: a /48 of IPv6 has 65,536 networks."""
TOLD = Window("refusals-told", seconds=60, shared=_nothing_shared)
WHY = (
    "More refusals came within a minute than are recorded one by one (REFUSALS_RECORDED_PER_MINUTE; "
    f"{TIMES} times as many of all networks): further ones are counted."
)


@dataclass(frozen=True, slots=True)
class Bound:
    """A budget that is used up."""

    network: str
    """Or ALL."""
    recorded: int
    """Refusals a minute, in this process."""


@dataclass(frozen=True, slots=True)
class Key:
    """What is counted together."""

    at: datetime
    """The start of the minute."""
    issuer: str
    network: str
    error: str


class Counts:
    """Refusals that are not written yet, in bounded memory; threads may share them."""

    def __init__(self, *, max_keys: int = MAX_KEYS) -> None:
        self._max_keys = max_keys
        self._counts: Counter[Key] = Counter()
        self._full_since: datetime | None = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._counts)

    def add(self, key: Key, refused: int = 1) -> None:
        with self._lock:
            self._counts[self._fitting(key)] += refused

    def take(self) -> Counter[Key]:
        """All of them, to be written. Those that cannot be are added again."""
        with self._lock:
            taken, self._counts, self._full_since = self._counts, Counter(), None
        return taken

    def _fitting(self, key: Key) -> Key:
        """While they are full all minutes are one: the others of issuers and errors are few, minutes are not."""
        if key in self._counts or len(self._counts) < self._max_keys:
            return key
        self._full_since = self._full_since or key.at
        return Key(at=self._full_since, issuer=key.issuer, network=OTHER, error=key.error)


COUNTS = Counts()


def exceeded(entry: Entry) -> Bound | None:
    """The budget that one more refusal is beyond. A request that proved its client is beyond none."""
    limit = settings.REFUSALS_RECORDED_PER_MINUTE
    if not limit or "credential" in entry.columns:
        return None
    network = source_network(entry.columns["ip"])
    # A network beyond its own takes nothing from the others.
    if BUDGET.take(network, limit=limit):
        return Bound(network, recorded=limit)
    if TOTAL.take(ALL, limit=TIMES * limit):
        return Bound(ALL, recorded=TIMES * limit)
    return None


def count(entry: Entry, error: OAuthError, *, beyond: Bound) -> None:
    """In place of the refusal's row, under its own network whichever the bound."""
    network = source_network(entry.columns["ip"])
    minute = entry.at.replace(second=0, microsecond=0)
    COUNTS.add(Key(at=minute, issuer=entry.columns["issuer"], network=network, error=error.error))
    if not TOLD.take(beyond.network, limit=1):
        log.warning("refusals_counted", network=beyond.network, recorded=beyond.recorded, reason=WHY)


def start_writing() -> None:
    """Start the thread of this process. Only after the fork: it would not survive it."""
    threading.Thread(target=_forever, name="flood", daemon=True).start()


def _forever() -> None:
    while True:
        time.sleep(WRITE_EVERY)
        write_counts()


def write_counts() -> None:
    """Move what was counted into the record. If it cannot be written it is kept."""
    taken = COUNTS.take()
    if not taken:
        return
    try:
        _insert(taken)
    except Exception as failure:
        for key, refused in taken.items():
            COUNTS.add(key, refused)
        log.error("refusals_not_written", reason=type(failure).__name__)  # noqa: TRY400 - one line
    finally:
        connection.close()


def _insert(counted: Counter[Key]) -> None:
    rows: list[Any] = [
        RefusalCount(at=key.at, issuer=key.issuer, network=key.network[:50], error=key.error, refused=refused)
        for key, refused in counted.items()
    ]
    with transaction.atomic():
        RefusalCount.objects.bulk_create(rows, batch_size=500)
