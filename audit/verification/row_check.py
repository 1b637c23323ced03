"""Whether the rows of a table are still those whose leaves a checkpoint holds."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from django.db import DatabaseError
from django.db.models import QuerySet

from audit.sealing.leaf import SealedTable, hash_of
from audit.sealing.leaves import Leaf
from audit.sealing.stored import Stored, stored

ROWS_AT_ONCE = 2_000
WIDEST_GAP = 8
"""The maximum of ids without a leaf that one query may read as well."""
MAX_SWAPPED = 200
"""Changed rows for which it is looked up whether another row had their content."""


class State(Enum):
    SAME = "same"
    CHANGED = "changed"
    MISSING = "missing"
    NOT_COMPARED = "not compared"
    """Its leaf was made with a column that this version of the server does not have."""


@dataclass(slots=True)
class Changed:
    """Changed rows of one table, the first of them: their content, and their leaves."""

    table: SealedTable
    rows: dict[int, tuple[dict[str, Any], bytes]] = field(default_factory=dict)

    def swapped(self) -> Iterator[tuple[int, int]]:
        """Each row that has the content of another row, and the other's id."""
        for pk, (members, _) in self.rows.items():
            for other, (_, leaf) in self.rows.items():
                if pk != other and _hash(members | {self.table.id_name: other}) == leaf:
                    yield pk, other


def compare(
    table: SealedTable, leaves: list[Leaf], changed: Changed
) -> Iterator[tuple[int, State, dict[str, Any]]]:
    """Id, state and leaf members of each leaf's row, in the order of ids; no members if the row is not the same.

    `table` has the columns that the leaves were made of; the members have the present names of these. If several rows
    have one id, none is the same: the database accepts no second one, unless somebody altered the table.
    """
    read = stored(table)
    for some in _spans(leaves):
        expected = {leaf.id: leaf.hash for leaf in some}
        found: dict[int, tuple[State, dict[str, Any]]] = {}
        for pk, values in _values(read, some[0].id, some[-1].id):
            if pk in found:
                found[pk] = State.CHANGED, {}
            elif pk in expected:
                found[pk] = _checked(read.table, pk, values, expected[pk], changed)
        for leaf in some:
            yield leaf.id, *found.get(leaf.id, (State.MISSING, {}))


def _checked(
    table: SealedTable, pk: int, values: tuple[Any, ...], leaf: bytes, changed: Changed
) -> tuple[State, dict[str, Any]]:
    try:
        members = table.members(values)
    except (ValueError, TypeError, LookupError, AttributeError):
        return State.CHANGED, {}
    if _hash(members) == leaf:
        return State.SAME, table.by_name(members)
    if table.unknown:
        return State.NOT_COMPARED, {}
    if len(changed.rows) < MAX_SWAPPED:
        changed.rows[pk] = (members, leaf)
    return State.CHANGED, {}


def hashes_of(table: SealedTable, ids: Iterable[int]) -> dict[int, bytes]:
    """The leaf hash of each row as it is stored now; empty for content that no sealed row can have."""
    read = stored(table)
    rows = table.model._default_manager.filter(pk__in=list(ids)).order_by("pk")
    return {pk: _hash_of_values(read.table, values) for pk, values in _read(read, rows)}


def _hash_of_values(table: SealedTable, values: Iterable[Any]) -> bytes:
    try:
        return _hash(table.members(values))
    except (ValueError, TypeError, LookupError, AttributeError):
        return b""


def _hash(members: dict[str, Any]) -> bytes:
    try:
        return hash_of(members)
    except (ValueError, TypeError):
        # Bytes instead of text, or half a surrogate pair: no row that was sealed has them.
        return b""


def _spans(leaves: list[Leaf]) -> Iterator[list[Leaf]]:
    """Leaves whose rows one query reads without many others."""
    span: list[Leaf] = []
    for leaf in leaves:
        if span and (leaf.id > span[-1].id + WIDEST_GAP or len(span) == ROWS_AT_ONCE):
            yield span
            span = []
        span.append(leaf)
    if span:
        yield span


def _values(read: Stored, first: int, last: int) -> Iterator[tuple[int, tuple[Any, ...]]]:
    return _read(read, read.table.model._default_manager.filter(pk__range=(first, last)).order_by("pk"))


def _read(read: Stored, rows: QuerySet[Any]) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """The rows' ids and values; for a row that can no longer be read the values are None."""
    try:
        yield from [(pk, tuple(values)) for pk, *values in rows.values_list("pk", *read.columns)]
    except (ValueError, TypeError, AttributeError, DatabaseError) as error:
        if isinstance(error, DatabaseError) and "decode" not in str(error):
            raise
        yield from _around(read, rows)


def _around(read: Stored, rows: QuerySet[Any]) -> Iterator[tuple[int, tuple[Any, ...]]]:
    ids = list(rows.values_list("pk", flat=True))
    if ids[0] == ids[-1]:
        yield ids[0], (None,) * len(read.columns)
        return
    middle = len(ids) // 2
    yield from _read(read, rows.filter(pk__lt=ids[middle]))
    yield from _read(read, rows.filter(pk__gte=ids[middle]))
