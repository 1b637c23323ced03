"""The exact content that a finding about a row rests on: an acknowledgement is valid for this, and no later change."""

from collections.abc import Iterable
from functools import cached_property

from audit.sealing.leaf import SealedTable
from audit.sealing.leaves import Leaf
from audit.verification.row_check import hashes_of

EARLY, LATE, CHANGED, REMOVED, INSERTED, SWAPPED = (
    "early",
    "late",
    "changed",
    "removed",
    "inserted",
    "swapped",
)
"""Kinds. They are part of the signed statement: their spelling never changes."""


class Evidence:
    """Of the rows of one section of a checkpoint."""

    def __init__(self, table: SealedTable, leaves: Iterable[Leaf], *, checkpoint: int) -> None:
        self._table, self._leaves, self._checkpoint = table, leaves, checkpoint

    def clock(self, kind: str, pk: int, at: str) -> str:
        """Of an unchanged row, with its instant, which is known from here after the row is pruned."""
        return f"{kind} {self._sealed[pk].hex()} checkpoint {self._checkpoint} at {at}"

    def removed(self, pk: int) -> str:
        return f"{REMOVED} {self._sealed[pk].hex()} checkpoint {self._checkpoint}"

    def changed(self, pk: int) -> str:
        content = content_of(self._table, pk)
        return content and f"{CHANGED} {self._sealed[pk].hex()} {content} checkpoint {self._checkpoint}"

    @cached_property
    def _sealed(self) -> dict[int, bytes]:
        return {leaf.id: leaf.hash for leaf in self._leaves}


def inserted(table: SealedTable, pk: int) -> str:
    content = content_of(table, pk)
    return content and f"{INSERTED} {content}"


def content_of(table: SealedTable, pk: int) -> str:
    """The hash of the row's present content; empty if it cannot be read, or if several rows have the id."""
    if table.model._default_manager.filter(pk=pk).count() != 1:
        return ""
    return hashes_of(table, [pk]).get(pk, b"").hex()
