"""Whether rows of the record are as they were sealed: their leaves are made again and compared with the checkpoints.

A checkpoint has no index of its rows. But a row is sealed by one of the first checkpoints after its own instant, nearly
always the very first, so few are read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import Max

from audit.models import Checkpoint, IssuanceEvent, UnsealedRange
from audit.sealing import merkle
from audit.sealing.chain import payload_of
from audit.sealing.checkpoints import CHECKPOINT, Reader
from audit.sealing.covering import CLOCKS_APART, NEXT_ONES
from audit.sealing.leaf import SealedTable
from audit.sealing.leaves import BrokenLeavesError, Leaf, unpacked
from audit.sealing.sealed_columns import as_sealed
from audit.verification.row_check import hashes_of

TABLE = SealedTable.of(IssuanceEvent)
MAX_LEAVES = 100_000
"""Checkpoints read for one page. The verification of all rows finds the rest."""


class State(StrEnum):
    AS_SEALED = "as sealed"
    NOT_YET = "not sealed yet"
    NOT_FOUND = "not found"
    BROKEN = "not as it was sealed"
    NOT_COMPARED = "sealed by another version"


@dataclass(frozen=True, slots=True)
class Checked:
    """`checkpoint` is the number of the one that seals the row, None if it was not found."""

    event_id: int
    state: State
    why: str = ""
    checkpoint: int | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A checkpoint that was read: the leaves of the record by id, and the problem of the whole checkpoint."""

    number: int
    leaves: dict[int, bytes]
    problem: str
    table: SealedTable = TABLE
    """With the columns that the leaves were made of."""

    @property
    def is_unreadable(self) -> bool:
        return bool(self.problem) and not self.leaves


def checked(events: Sequence[IssuanceEvent], *, read: Reader) -> list[Checked]:
    """In the order given. `read` reads the statements of checkpoints."""
    waiting = _waiting(event.pk for event in events)
    seals = _seals([event for event in events if event.pk not in waiting], read)
    hashes = _hashes(seals)
    return [
        Checked(event.pk, State.NOT_YET)
        if event.pk in waiting
        else _judged(event.pk, hashes.get(event.pk), seals.get(event.pk))
        for event in events
    ]


def _judged(pk: int, found: bytes | None, seal: Opened | None) -> Checked:
    """`found`: the leaf of the row as it is stored."""
    if seal is None:
        return Checked(pk, State.NOT_FOUND)
    if seal.problem:
        return Checked(pk, State.BROKEN, seal.problem, seal.number)
    if seal.leaves[pk] != found and seal.table.unknown:
        return Checked(pk, State.NOT_COMPARED, "", seal.number)
    if seal.leaves[pk] != found:
        return Checked(pk, State.BROKEN, "The row is another than the one that was sealed.", seal.number)
    return Checked(pk, State.AS_SEALED, "", seal.number)


def _hashes(seals: Mapping[int, Opened]) -> dict[int, bytes]:
    """The leaf of each row as it is stored, of the columns that its seal names."""
    return {
        pk: leaf
        for table in {seal.table for seal in seals.values()}
        for pk, leaf in hashes_of(table, [pk for pk, seal in seals.items() if seal.table == table]).items()
    }


def _waiting(ids: Iterable[int]) -> set[int]:
    """Rows that the sealer has still to seal."""
    if not Checkpoint.objects.exists():
        return set(ids)
    spans = list(UnsealedRange.objects.filter(table=TABLE.name).values_list("first_id", "last_id"))
    return {pk for pk in ids if any(first <= pk and (last is None or pk <= last) for first, last in spans)}


def _seals(events: Sequence[IssuanceEvent], read: Reader) -> dict[int, Opened]:
    """By a row's id the checkpoint that seals it, or one that should contain it and whose leaves cannot be read."""
    found: dict[int, Opened] = {}
    opened: dict[int, Opened] = {}
    first, sizes = _first_after({event.at - CLOCKS_APART for event in events}), MAX_LEAVES
    for event in events:
        start = first[event.at - CLOCKS_APART]
        for number in range(start, start + NEXT_ONES):
            if number not in opened and sizes > 0 and (checkpoint := _checkpoint(number, sizes)):
                opened[number], sizes = _opened(checkpoint, read), sizes - checkpoint.row_count
            seal = opened.get(number)
            if seal and (event.pk in seal.leaves or seal.is_unreadable):
                found[event.pk] = seal
            if seal and event.pk in seal.leaves:
                break
    return found


def _first_after(instants: Iterable[datetime]) -> dict[datetime, int]:
    """The number of the first checkpoint at or after each instant, one past the newest if there is none.

    All are searched at once, by bisection: as many small queries as the number of checkpoints has binary digits.
    """
    newest = Checkpoint.objects.aggregate(newest=Max("number"))["newest"] or 0
    ends = dict.fromkeys(instants, (1, newest + 1))
    while middles := {at: (low + high) // 2 for at, (low, high) in ends.items() if low < high}:
        made = dict(
            Checkpoint.objects.filter(number__in=set(middles.values())).values_list("number", "created_at")
        )
        for at, middle in middles.items():
            low, high = ends[at]
            is_after = middle not in made or made[middle] >= at
            ends[at] = (low, middle) if is_after else (middle + 1, high)
    return {at: low for at, (low, _) in ends.items()}


def _checkpoint(number: int, max_leaves: int) -> Checkpoint | None:
    return Checkpoint.objects.filter(number=number, row_count__lte=max_leaves).first()


def _opened(checkpoint: Checkpoint, read: Reader) -> Opened:
    number = checkpoint.number
    try:
        leaves = unpacked(bytes(checkpoint.leaves))
    except BrokenLeavesError as error:
        return Opened(number, {}, f"The leaves of checkpoint {number} cannot be read: {error}")
    own = {leaf.id: leaf.hash for leaf in leaves if leaf.table == TABLE.name}
    table = as_sealed(TABLE, payload_of(checkpoint.statement))
    return Opened(number, own, _problem(checkpoint, leaves, read), table)


def _problem(checkpoint: Checkpoint, leaves: list[Leaf], read: Reader) -> str:
    """The problem of a checkpoint, empty if its statement binds its leaves."""
    try:
        claims = read(checkpoint.statement, CHECKPOINT)
    except ValueError as error:
        return f"Checkpoint {checkpoint.number} is not signed by the record's key. {error}"
    if claims.get("number") != checkpoint.number:
        return f"The statement of checkpoint {checkpoint.number} is that of another one."
    if claims.get("root") != merkle.root([leaf.hash for leaf in leaves]).hex():
        return f"The leaves of checkpoint {checkpoint.number} are not those that were signed."
    return ""
