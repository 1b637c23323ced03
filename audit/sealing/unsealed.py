"""What no checkpoint covers yet: the ranges of ids that the next one reads, and the age of the oldest row in them."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from audit.models import Checkpoint, UnsealedRange
from audit.sealing.leaf import SealedTable
from audit.sealing.leaves import last_ids
from audit.sealing.sealed_tables import sealed_tables

KEPT = timedelta(days=1)
"""How long a row may still be committed in a gap; then the gap is forgotten."""
MAX_GAPS = 1_000
"""Of a table. If there are more, the oldest are forgotten."""
LATEST_SEAL = timedelta(hours=1)
"""An older row that is not sealed is reported."""


def ranges_of(table: SealedTable, now: datetime) -> list[UnsealedRange]:
    """Gaps first, then the open range, which is computed from the checkpoints if it is missing."""
    found = list(UnsealedRange.objects.filter(table=table.name).order_by("first_id"))
    if found and found[-1].last_id is None:
        return found
    return [*found, UnsealedRange(table=table.name, first_id=_first_after_sealed(table), noticed_at=now)]


def _first_after_sealed(table: SealedTable) -> int:
    columns = Checkpoint.objects.values_list("leaves", flat=True)
    keys = list(Checkpoint.objects.values_list("pk", flat=True))
    newest = (last_ids(bytes(columns.get(pk=key))).get(table.name, 0) for key in keys)
    return max(newest, default=0) + 1


def left_of(
    ranges: Iterable[UnsealedRange], seen: list[int], *, now: datetime, forget_before: datetime
) -> list[UnsealedRange]:
    """The ranges of a table that remain when the rows with these ids, in order, are sealed.

    Ids before the last of `seen` that no row had are gaps. Gaps that were noticed before `forget_before` are forgotten.
    """
    found = [left for span in ranges for left in _left(span, _inside(span, seen), now)]
    gaps = [span for span in found if span.last_id is not None and span.noticed_at >= forget_before]
    return [*gaps[-MAX_GAPS:], *(span for span in found if span.last_id is None)]


def _inside(span: UnsealedRange, seen: list[int]) -> list[int]:
    last = len(seen) if span.last_id is None else bisect_right(seen, span.last_id)
    return seen[bisect_left(seen, span.first_id) : last]


def _left(span: UnsealedRange, sealed: list[int], now: datetime) -> Iterator[UnsealedRange]:
    noticed_at, first = now if span.last_id is None else span.noticed_at, span.first_id
    for pk in sealed:
        if pk > first:
            yield _range(span.table, first, pk - 1, noticed_at)
        first = pk + 1
    if span.last_id is None or first <= span.last_id:
        yield _range(span.table, first, span.last_id, noticed_at)


def _range(table: str, first_id: int, last_id: int | None, noticed_at: datetime) -> UnsealedRange:
    return UnsealedRange(table=table, first_id=first_id, last_id=last_id, noticed_at=noticed_at)


def overdue_tables(now: datetime) -> list[str]:
    """The tables with an unsealed row that is older than an hour, though the next checkpoint should cover it."""
    first_ids = dict(UnsealedRange.objects.filter(last_id=None).values_list("table", "first_id"))
    return [table.name for table in sealed_tables() if _is_overdue(table, first_ids.get(table.name, 1), now)]


def _is_overdue(table: SealedTable, first_id: int, now: datetime) -> bool:
    rows = table.model._default_manager.filter(pk__gte=first_id).order_by("pk")
    oldest = rows.values_list(table.instant_name, flat=True).first()
    return oldest is not None and oldest < now - LATEST_SEAL
