"""Whether the hourly sums are what the sealed rows make of them: charts and reports tell by them.

Memory holds some 200 bytes for each sum.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Max, Subquery

from audit.hourly_counts import Kind, digest_of
from audit.leaf import instant
from audit.models import Checkpoint, HourlyCount
from audit.problem import Problem


class Sums:
    """As they stood at one moment, together with the checkpoints of that moment: hand in the rows of those."""

    def __init__(self) -> None:
        self._newest: int = Checkpoint.objects.aggregate(newest=Max("number"))["newest"] or 0
        self._left: dict[bytes, int] = {}
        """What each holds more than the rows that were handed in, by the digest of what is counted together."""
        self._lost: Counter[Kind] = Counter()
        """Of rows that were handed in, and that no sum counts."""
        self._pruned_until = ""
        for kind, requests, newest in _stored():
            key = _key(kind)
            self._left[key] = self._left.get(key, 0) + requests
            self._newest = newest

    def take(self, checkpoint: Checkpoint, sums: "Counter[Kind]") -> None:
        """Off from what is left."""
        for kind, requests in sums.items() if checkpoint.number <= self._newest else ():
            key = _key(kind)
            if key in self._left:
                self._left[key] -= requests
            else:
                self._lost[kind] += requests

    def pruned(self, *, until: datetime) -> None:
        """Sums of hours until then hold rows as well that are gone."""
        self._pruned_until = max(self._pruned_until, instant(until))

    def problems(self) -> Iterator[Problem]:
        if any(self._left.values()):
            for kind in dict.fromkeys(kind for kind, _, _ in _stored()):
                left = self._left.get(_key(kind), 0)
                if left < 0 or (left and kind.hour > self._pruned_until):
                    yield _problem(
                        kind, f"{abs(left)} requests {'more' if left > 0 else 'fewer'} than are sealed"
                    )
        for kind, requests in self._lost.items():
            yield _problem(kind, f"{requests} requests fewer than are sealed")


def _stored() -> Iterator[tuple[Kind, int, int]]:
    """What is counted together, how many, and the newest checkpoint; in one statement, so of one moment."""
    newest = Subquery(Checkpoint.objects.order_by("-number").values("number")[:1])
    rows: Any = HourlyCount.objects.order_by("pk").values_list(*Kind._fields, "requests", newest)
    for hour, *others, requests, number in rows.iterator(chunk_size=2_000):
        yield Kind(instant(hour), *others), requests, number or 0


def _key(kind: Kind) -> bytes:
    return bytes.fromhex(digest_of(kind))


def _problem(kind: Kind, why: str) -> Problem:
    told = " ".join(filter(None, (kind.issuer, kind.client_id, kind.audience, kind.outcome, kind.error)))
    return Problem(f"sum of the hour {kind.hour[:13]}:00Z, {told}", f"it tells of {why}")
