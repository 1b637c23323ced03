"""Pruning the record: sealed rows before an instant, under a signed tombstone that is committed first.

It may be killed at any point: the next one deletes what is left under the existing tombstones.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db import transaction
from django.db.models import Max, Min

from audit.models import Checkpoint, IssuanceEvent, Tombstone, Trace, UnsealedRange
from audit.rollups import EVENTS
from audit.sealing.chain import leaves_of
from audit.sealing.checkpoints import CHECKPOINT, TOMBSTONE, Reader, tombstone_claims
from audit.sealing.leaf import SealedTable
from audit.sealing.leaves import Leaf
from audit.sealing.sealed_columns import as_sealed
from audit.sealing.unsealed import LATEST_SEAL
from audit.verification.acknowledgements import Acknowledgements
from audit.verification.row_check import Changed, State, compare
from audit.verification.tombstones import Tombstones
from issuers.versioning import revision

TABLE = SealedTable.of(IssuanceEvent)
ROWS_AT_ONCE = 5_000

Signer = Callable[[dict[str, Any], str], tuple[str, str]]
"""From claims and kind to the statement and the kid of the key that signed it."""


class PruningRefusedError(Exception):
    """Nothing was deleted; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """What the checkpoints contain of a range."""

    first_id: int
    last_id: int
    count: int
    digest: str


def prune(
    *, before: datetime, actor: str, reason: str, sign: Signer, read: Reader
) -> tuple[Tombstone | None, int]:
    """The new tombstone, None if there was nothing to prune again, and how many rows were deleted.

    Raises PruningRefusedError.
    """
    stones = Tombstones(read)
    if stones.forged:
        raise PruningRefusedError(f"{stones.forged[0]}. Run manage.py audit verify.")
    ranges = [(span.tombstone.first_id, span.tombstone.last_id) for span in stones.valid]
    found = _prunable(before, after=max((last for _, last in ranges), default=0), read=read)
    stone = _bury(found, actor, reason, sign) if found else None
    if stone is not None:
        ranges.append((stone.first_id, stone.last_id))
    return stone, sum(_delete(first, last) for first, last in ranges)


def _prunable(before: datetime, *, after: int, read: Reader) -> _Rows | None:
    """The rows from the oldest on that are all sealed and before the instant; None if there are none."""
    rows = IssuanceEvent.objects.filter(pk__gt=after)
    # The instant of these rows does not show their age: they go with older rows that were inserted after them.
    dated = rows.exclude(pk__in=Acknowledgements(read).rows_of_a_clock_ahead().keys())
    unsealed = UnsealedRange.objects.filter(table=EVENTS).aggregate(first=Min("first_id"))["first"]
    if unsealed is None:
        return None
    kept = dated.filter(at__gte=before).aggregate(first=Min("pk"))["first"]
    end = unsealed if kept is None else min(unsealed, kept)
    last = dated.filter(pk__lt=end).aggregate(last=Max("pk"))["last"]
    if last is None:
        return None
    first = rows.aggregate(first=Min("pk"))["first"]
    return _agreeing(first, last, read)


def kept_by_a_clock_ahead(*, before: datetime, read: Reader) -> IssuanceEvent | None:
    """The row that blocks the older ones behind it, because its own instant is later by more than an hour."""
    ahead = Acknowledgements(read).rows_of_a_clock_ahead()
    rows = IssuanceEvent.objects.exclude(pk__in=ahead.keys())
    first = rows.filter(at__gte=before).order_by("pk").first()
    if first is None:
        return None
    older = rows.filter(pk__gt=first.pk, at__lt=min(before, first.at - LATEST_SEAL))
    return first if older.exists() else None


def _agreeing(first_id: int, last_id: int, read: Reader) -> _Rows:
    """What the checkpoints contain of the range. The rows in the range must be exactly those."""
    digest, sealed, altered = sha256(), 0, set[int]()
    for table, leaves in _leaves(first_id, last_id, read):
        for leaf in leaves:
            digest.update(leaf.hash)
        sealed += len(leaves)
        compared = {pk: state for pk, state, _ in compare(table, leaves, Changed(table))}
        if State.NOT_COMPARED in compared.values():
            raise PruningRefusedError(
                f"Rows from {leaves[0].id} on are sealed with columns that this version does not have "
                f"({', '.join(table.unknown)}): prune with the version that sealed them."
            )
        altered |= {pk for pk, state in compared.items() if state is not State.SAME}
    there = IssuanceEvent.objects.filter(pk__range=(first_id, last_id)).count()
    if there != sealed:
        raise PruningRefusedError(
            f"Of rows {first_id} to {last_id} there are {there}, and {sealed} were sealed: nothing is deleted that a "
            "verification has not seen. Run manage.py audit verify."
        )
    if altered:
        raise PruningRefusedError(
            f"{len(altered)} rows, row {min(altered)} the first, are not as they were sealed: nothing is deleted that "
            "proves it. Run manage.py audit verify."
        )
    return _Rows(first_id=first_id, last_id=last_id, count=sealed, digest=digest.hexdigest())


def _leaves(first_id: int, last_id: int, read: Reader) -> Iterator[tuple[SealedTable, list[Leaf]]]:
    """The leaves of the range, checkpoint by checkpoint, and the table with the columns that they were made of."""
    numbers = list(Checkpoint.objects.order_by("number").values_list("number", flat=True))
    for number in numbers:
        checkpoint = Checkpoint.objects.get(number=number)
        leaves = leaves_of(checkpoint) or []
        own = [leaf for leaf in leaves if leaf.table == EVENTS and first_id <= leaf.id <= last_id]
        if own:
            yield _table(checkpoint, read), own


def _table(checkpoint: Checkpoint, read: Reader) -> SealedTable:
    try:
        return as_sealed(TABLE, read(checkpoint.statement, CHECKPOINT))
    except ValueError as error:
        raise PruningRefusedError(
            f"The statement of checkpoint {checkpoint.number} is not the record's: {error} Nothing is deleted that "
            "proves it. Run manage.py audit verify."
        ) from error


def _bury(rows: _Rows, actor: str, reason: str, sign: Signer) -> Tombstone:
    stone = Tombstone(
        actor=actor, reason=reason, first_id=rows.first_id, last_id=rows.last_id, row_count=rows.count
    )
    stone.statement, stone.kid = sign(tombstone_claims(stone, leaves=rows.digest), TOMBSTONE)
    with transaction.atomic():
        # Of two that prune at once one waits here, and then finds the other's tombstone.
        revision.lock()
        if Tombstone.objects.filter(last_id__gte=rows.first_id).exists():
            raise PruningRefusedError("Somebody else prunes at this moment: nothing was changed by this one.")
        stone.save(force_insert=True)
    return stone


def _delete(first_id: int, last_id: int) -> int:
    """Batch by batch, each in its own transaction: issuance continues in between."""
    deleted = 0
    while some := list(
        IssuanceEvent.objects.filter(pk__range=(first_id, last_id))
        .order_by("pk")
        .values_list("pk", flat=True)[:ROWS_AT_ONCE]
    ):
        with transaction.atomic():
            Trace.objects.filter(event_id__gte=some[0], event_id__lte=some[-1]).delete()
            deleted += IssuanceEvent.objects.filter(pk__range=(some[0], some[-1])).delete()[0]
    return deleted
