"""Whether the hourly sums are what the sealed rows make of them: charts and reports tell by them.

There may be as many sums as rows. So what is left of each lies in a file of SQLite's own, which nobody else sees and
which goes with the object.
"""

import sqlite3
import weakref
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.db.models import Max, Subquery

from audit.models import Checkpoint, HourlyCount
from audit.problem import Problem
from audit.rollups import Kind, digest_of
from audit.sealing.leaf import instant
from audit.streamed import of_one_moment

_LEFT = "CREATE TABLE sums (digest BLOB PRIMARY KEY, hour TEXT, told TEXT, left_over INTEGER) WITHOUT ROWID"
_ADD = (
    "INSERT INTO sums VALUES (?, ?, ?, ?) "
    "ON CONFLICT (digest) DO UPDATE SET left_over = left_over + excluded.left_over"
)
_NOT_NONE = "SELECT hour, told, left_over FROM sums WHERE left_over <> 0 ORDER BY hour, told"
CACHE_KIB = 32_000


class Sums:
    """As they stood at one moment, together with the checkpoints of that moment: hand in the rows of those."""

    def __init__(self) -> None:
        self._newest: int = Checkpoint.objects.aggregate(newest=Max("number"))["newest"] or 0
        # Whichever thread collects the garbage closes it; no two use it at once.
        self._sums = sqlite3.connect("", check_same_thread=False)
        """What each holds more than the rows that were handed in."""
        # A verification drops the object wherever the sums can no longer be compared.
        weakref.finalize(self, self._sums.close)
        self._sums.executescript(f"PRAGMA journal_mode = OFF; PRAGMA cache_size = -{CACHE_KIB}; {_LEFT};")
        self._pruned_until = ""
        self._pruned_hours = set[str]()
        for kind, requests, newest in _stored():
            self._add([(kind, requests)])
            self._newest = newest

    def take(self, checkpoint: Checkpoint, sums: "Counter[Kind]") -> None:
        """Off from what is left."""
        if checkpoint.number <= self._newest:
            self._add((kind, -requests) for kind, requests in sums.items())

    def pruned(self, *, until: datetime) -> None:
        """Sums of hours until then hold rows as well that are gone."""
        self._pruned_until = max(self._pruned_until, instant(until))

    def pruned_ahead(self, at: str) -> None:
        """The sum of the hour of that instant holds a row as well that is gone, and whose clock ran ahead."""
        self._pruned_hours.add(f"{at[:13]}:00:00.000000Z")

    def problems(self) -> Iterator[Problem]:
        for hour, told, left in self._sums.execute(_NOT_NONE):
            if left < 0 or (hour > self._pruned_until and hour not in self._pruned_hours):
                more_or_fewer = "more" if left > 0 else "fewer"
                yield Problem(
                    f"sum of the hour {hour[:13]}:00Z, {told}",
                    f"it tells of {abs(left)} requests {more_or_fewer} than are sealed",
                )

    def _add(self, requests: Iterable[tuple[Kind, int]]) -> None:
        self._sums.executemany(
            _ADD, ((bytes.fromhex(digest_of(kind)), kind.hour, _told(kind), left) for kind, left in requests)
        )


def _stored() -> Iterator[tuple[Kind, int, int]]:
    """What is counted together, how many, and the newest checkpoint; in one statement, so of one moment."""
    newest = Subquery(Checkpoint.objects.order_by("-number").values("number")[:1])
    rows: Any = HourlyCount.objects.order_by("pk").values_list(*Kind._fields, "requests", newest)
    for hour, *others, requests, number in of_one_moment(rows):
        yield Kind(instant(hour), *others), requests, number or 0


def _told(kind: Kind) -> str:
    return " ".join(filter(None, (kind.issuer, kind.client_id, kind.audience, kind.outcome, kind.error)))
