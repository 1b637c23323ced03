"""Sealing the record: the new rows of each sealed table go into checkpoints, each in a transaction of its own.

What is read never changes, so it is read and hashed before the transaction, which is short: the checkpoint, what is
still unsealed, and the hourly sums. `previous` is unique: of many sealers at once one commits, the others seal nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from audit import rollups
from audit.models import Checkpoint, UnsealedRange
from audit.sealing import merkle
from audit.sealing.checkpoints import checkpoint_claims
from audit.sealing.leaf import SealedTable, hash_of
from audit.sealing.leaves import Leaf, packed
from audit.sealing.sealed_columns import names_of
from audit.sealing.sealed_tables import sealed_tables
from audit.sealing.unsealed import KEPT, left_of, ranges_of

Sign = Callable[[dict[str, Any], datetime], tuple[str, str]]
"""Signs the claims of a checkpoint by the key of an instant; returns its kid, and the statement."""
EVER = datetime.min.replace(tzinfo=UTC)
GAPS_AT_ONCE = 100
"""Ranges that one query asks for."""


@dataclass(slots=True)
class _New:
    """What one checkpoint will cover."""

    leaves: list[Leaf] = field(default_factory=list)
    sums: "Counter[rollups.Kind]" = field(default_factory=Counter)
    left: dict[str, list[UnsealedRange]] = field(default_factory=dict)
    """The ranges that are left of each table whose ranges change."""


def seal(now: datetime, *, sign: Sign, max_rows: int, max_checkpoints: int) -> int:
    """Seal the new rows; the number of rows that this process sealed. Raises what `sign` raises."""
    sealed = 0
    for _ in range(max_checkpoints):
        rows = _seal_once(now, sign, max_rows)
        sealed += rows
        if rows < max_rows:
            break
    return sealed


def _seal_once(now: datetime, sign: Sign, max_rows: int) -> int:
    # Read before the ranges: if another process commits in between, this one fails.
    previous = Checkpoint.objects.order_by("-number").defer("leaves").first()
    new = _read(now, max_rows)
    if not new.leaves:
        return 0
    checkpoint = _checkpoint(new, previous, sign)
    try:
        _commit(new, checkpoint)
    except IntegrityError:
        if not Checkpoint.objects.filter(number=checkpoint.number).exists():
            raise
        return 0
    return len(new.leaves)


def _read(now: datetime, max_rows: int) -> _New:
    new = _New()
    for table in sealed_tables():
        if len(new.leaves) == max_rows:
            break
        _read_table(new, table, now, max_rows)
    return new


def _read_table(new: _New, table: SealedTable, now: datetime, max_rows: int) -> None:
    ranges, seen = ranges_of(table, now), []
    for pk, members in _unsealed_rows(table, ranges, max_rows - len(new.leaves)):
        new.leaves.append(Leaf(table.name, pk, hash_of(members)))
        rollups.count(new.sums, members)
        seen.append(pk)
    # A gap that was not read to its end is kept, also an old one.
    is_full = len(new.leaves) == max_rows
    left = left_of(ranges, sorted(seen), now=now, forget_before=EVER if is_full else now - KEPT)
    if ranges[-1].pk is None or _spans(left) != _spans(ranges):
        new.left[table.name] = left


def _unsealed_rows(
    table: SealedTable, ranges: list[UnsealedRange], most: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of the gaps first, then those after all rows seen before; in the order of ids within a query."""
    *gaps, newest = ranges
    rows = table.model._default_manager.order_by("pk")
    for start in range(0, len(gaps), GAPS_AT_ONCE):
        some = reduce(or_, map(_inside, gaps[start : start + GAPS_AT_ONCE]))
        for row in table.rows(rows.filter(some), most=most):
            most -= 1
            yield row
    yield from table.rows(rows.filter(pk__gte=newest.first_id), most=most)


def _inside(gap: UnsealedRange) -> Q:
    return Q(pk__range=(gap.first_id, gap.last_id))


def _spans(ranges: list[UnsealedRange]) -> list[tuple[int, int | None]]:
    return [(span.first_id, span.last_id) for span in ranges]


def _checkpoint(new: _New, previous: Checkpoint | None, sign: Sign) -> Checkpoint:
    now = timezone.now()
    new.leaves.sort()
    root = merkle.root([leaf.hash for leaf in new.leaves])
    number = previous.number + 1 if previous else 1
    tables = {leaf.table for leaf in new.leaves}
    claims = checkpoint_claims(
        number=number,
        at=now,
        previous=previous.statement if previous else "",
        root=root,
        rows=len(new.leaves),
        columns=names_of(table for table in sealed_tables() if table.name in tables),
    )
    kid, statement = sign(claims, now)
    return Checkpoint(
        number=number,
        created_at=now,
        previous=previous,
        row_count=len(new.leaves),
        leaves=packed(new.leaves),
        root=root.hex(),
        kid=kid,
        statement=statement,
    )


def _commit(new: _New, checkpoint: Checkpoint) -> None:
    with transaction.atomic():
        checkpoint.save(force_insert=True)
        UnsealedRange.objects.filter(table__in=new.left).delete()
        UnsealedRange.objects.bulk_create(span for spans in new.left.values() for span in spans)
        rollups.add(new.sums)
