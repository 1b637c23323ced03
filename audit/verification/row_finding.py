"""What a verification would find about one row, without verifying the whole record."""

from dataclasses import dataclass
from datetime import datetime

from audit.models import Checkpoint
from audit.problem import Problem
from audit.sealing.chain import Chain, leaves_of, payload_of
from audit.sealing.checkpoints import MAX_ROWS, Reader
from audit.sealing.covering import Search
from audit.sealing.leaf import SealedTable
from audit.sealing.leaves import Leaf
from audit.sealing.sealed_columns import as_sealed
from audit.verification.acknowledgements import Acknowledgement, Acknowledgements
from audit.verification.verify import Verification

ELSEWHERE = (
    "Only a verification of the whole record can tell: run manage.py audit verify, and acknowledge what it finds by "
    "manage.py audit acknowledge."
)
NOT_FOUND = (
    f"No checkpoint was found that seals this row: it waits for one, or was inserted afterwards. {ELSEWHERE}"
)
BROKEN = (
    "Checkpoint {number}, which seals this row, is not valid itself, which nobody can acknowledge: {why}."
)
NOT_COMPARED = "This row was not compared: this version of the server lacks columns of its seal ({columns})."
PRUNED = "This row was deleted under a signed tombstone: there is nothing to acknowledge."
AS_SEALED = "This row is as checkpoint {number} sealed it: there is nothing to acknowledge."


@dataclass(frozen=True, slots=True)
class RowFinding:
    """`problem` is the finding; None: `says` explains why there is nothing to acknowledge here."""

    problem: Problem | None = None
    says: str = ""
    known: Acknowledgement | None = None
    """Of the problem, if it is acknowledged already."""


def finding_of_row(table: SealedTable, pk: int, *, read: Reader, now: datetime) -> RowFinding:
    """Raises the errors of the database when it is away."""
    at = table.model._default_manager.filter(pk=pk).values_list(table.instant_name, flat=True).first()
    checkpoint = Search(table).checkpoint_of(pk, at=at)
    if checkpoint is None:
        return RowFinding(says=NOT_FOUND)
    leaves = leaves_of(checkpoint)
    if why := _why_broken(checkpoint, leaves, read):
        return RowFinding(says=BROKEN.format(number=checkpoint.number, why=why))
    as_it_was = as_sealed(table, payload_of(checkpoint.statement))
    [leaf] = [leaf for leaf in leaves or [] if (leaf.table, leaf.id) == (table.name, pk)]
    return _compared(as_it_was, leaf, checkpoint, Verification(read=read, now=now))


def _compared(
    table: SealedTable, leaf: Leaf, checkpoint: Checkpoint, verification: Verification
) -> RowFinding:
    found = verification.problems_of_row(table, leaf, checkpoint, last_reached=_last_reached(checkpoint))
    if problem := next(found, None):
        return RowFinding(problem, known=Acknowledgements(verification.read).of(problem))
    if verification.has_passed_over:
        return RowFinding(says=NOT_COMPARED.format(columns=", ".join(table.unknown)))
    is_there = table.model._default_manager.filter(pk=leaf.id).exists()
    return RowFinding(says=(AS_SEALED if is_there else PRUNED).format(number=checkpoint.number))


def _why_broken(checkpoint: Checkpoint, leaves: list[Leaf] | None, read: Reader) -> str:
    if leaves is None:
        return "its leaves cannot be read"
    chain = Chain(read)
    if before := Checkpoint.objects.filter(number=checkpoint.number - 1).first():
        list(chain.problems(before, None))
    return "; ".join(chain.problems(checkpoint, leaves))


def _last_reached(checkpoint: Checkpoint) -> datetime | None:
    """When all rows had last been sealed, before this checkpoint."""
    before = Checkpoint.objects.filter(number__lt=checkpoint.number, row_count__lt=MAX_ROWS)
    return before.order_by("-number").values_list("created_at", flat=True).first()
