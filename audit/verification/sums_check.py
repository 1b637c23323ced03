"""Whether the hourly sums are those of the sealed rows: charts and reports are computed from them.

There may be as many sums as rows. So the remaining difference of each is in a file of SQLite's own, which nobody else
sees and which is deleted with the object.
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

_LEFT = "CREATE TABLE sums (digest BLOB PRIMARY KEY, hour TEXT, named TEXT, left_over INTEGER) WITHOUT ROWID"
_ADD = (
    "INSERT INTO sums VALUES (?, ?, ?, ?) "
    "ON CONFLICT (digest) DO UPDATE SET left_over = left_over + excluded.left_over"
)
_NOT_NONE = "SELECT hour, named, left_over FROM sums WHERE left_over <> 0 ORDER BY hour, named"
CACHE_KIB = 32_000


class Sums:
    """The sums of one moment, together with the checkpoints of that moment: pass in the rows of those."""

    def __init__(self) -> None:
        self._newest: int = Checkpoint.objects.aggregate(newest=Max("number"))["newest"] or 0
        # The thread that collects the garbage closes it; no two use it at once.
        self._sums = sqlite3.connect("", check_same_thread=False)
        """What each sum has more than the rows that were passed in."""
        # A verification drops the object as soon as the sums can no longer be compared.
        weakref.finalize(self, self._sums.close)
        self._sums.executescript(f"PRAGMA journal_mode = OFF; PRAGMA cache_size = -{CACHE_KIB}; {_LEFT};")
        self._pruned_until = ""
        self._pruned_hours = set[str]()
        for kind, requests, newest in _stored():
            self._add([(kind, requests)])
            self._newest = newest

    def take(self, checkpoint: Checkpoint, sums: "Counter[Kind]") -> None:
        """Subtracts the checkpoint's rows."""
        if checkpoint.number <= self._newest:
            self._add((kind, -requests) for kind, requests in sums.items())

    def pruned(self, *, until: datetime) -> None:
        """Sums of the hours until then include rows that are pruned."""
        self._pruned_until = max(self._pruned_until, instant(until))

    def pruned_ahead(self, at: str) -> None:
        """The sum of the hour of that instant includes a row that is pruned, and whose clock ran ahead."""
        self._pruned_hours.add(f"{at[:13]}:00:00.000000Z")

    def problems(self) -> Iterator[Problem]:
        for hour, named, left in self._sums.execute(_NOT_NONE):
            if left < 0 or (hour > self._pruned_until and hour not in self._pruned_hours):
                more_or_fewer = "more" if left > 0 else "fewer"
                yield Problem(
                    f"sum of the hour {hour[:13]}:00Z, {named}",
                    f"it tells of {abs(left)} requests {more_or_fewer} than are sealed",
                )

    def _add(self, requests: Iterable[tuple[Kind, int]]) -> None:
        self._sums.executemany(
            _ADD,
            ((bytes.fromhex(digest_of(kind)), kind.hour, _in_words(kind), left) for kind, left in requests),
        )


def _stored() -> Iterator[tuple[Kind, int, int]]:
    """The sums and the newest checkpoint; in one statement, so of one moment."""
    newest = Subquery(Checkpoint.objects.order_by("-number").values("number")[:1])
    rows: Any = HourlyCount.objects.order_by("pk").values_list(*Kind._fields, "requests", newest)
    for hour, *others, requests, number in of_one_moment(rows):
        yield Kind(instant(hour), *others), requests, number or 0


def _in_words(kind: Kind) -> str:
    return " ".join(filter(None, (kind.issuer, kind.client_id, kind.audience, kind.outcome, kind.error)))
