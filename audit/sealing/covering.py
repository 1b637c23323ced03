"""The checkpoint that seals one row, found without reading all: by the row's instant, then by bisection of the ids.

Both nearly always succeed: a row is sealed within minutes, and ids rise with the numbers of checkpoints. A row that is
not found in either way is left to a verification of the whole record.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from audit.models import Checkpoint
from audit.sealing.leaf import SealedTable
from audit.sealing.leaves import BrokenLeavesError, Section, sections

MAX_READ = 40
"""Checkpoints that one search reads, of 2 MB each at most."""
CLOCKS_APART = timedelta(seconds=10)
"""How far the clock of the worker that wrote a row may be ahead of the sealer's."""
NEXT_ONES = 3
"""Checkpoints after the likely one: a row may be committed late."""


class Search:
    def __init__(self, table: SealedTable) -> None:
        self._table = table
        self._read: dict[int, Section | None] = {}

    def checkpoint_of(self, pk: int, *, at: datetime | None) -> Checkpoint | None:
        """None if none was found. `at`: the row's own instant; None if the row is not there."""
        for start in self._likely(pk, at):
            for number in range(start, start + NEXT_ONES):
                section = self._section(number)
                if section and section.index_of(pk) is not None:
                    return Checkpoint.objects.filter(number=number).first()
        return None

    def _likely(self, pk: int, at: datetime | None) -> Iterator[int]:
        if at is not None:
            after = Checkpoint.objects.filter(created_at__gte=at - CLOCKS_APART).order_by("number")
            if (number := after.values_list("number", flat=True).first()) is not None:
                yield number
        yield self._by_halves(pk)

    def _by_halves(self, pk: int) -> int:
        """The first checkpoint whose last id of this table is not below the row's."""
        newest = Checkpoint.objects.order_by("-number").values_list("number", flat=True).first() or 0
        low, high = 1, newest + 1
        while low < high:
            middle = (low + high) // 2
            number, last = self._next_with_rows(middle, high)
            if last is None or last >= pk:
                high = middle
            else:
                low = number + 1
        return low

    def _next_with_rows(self, number: int, end: int) -> tuple[int, int | None]:
        """The first checkpoint from this number on that has rows of the table, and the last id of these rows."""
        for each in range(number, end):
            section = self._section(each)
            if section and section.range:
                return each, section.range[1]
            if len(self._read) >= MAX_READ:
                break
        return end, None

    def _section(self, number: int) -> Section | None:
        """The rows of the table; None if there are none, they cannot be read, or enough was read."""
        if number not in self._read and len(self._read) < MAX_READ:
            self._read[number] = self._section_read(number)
        return self._read.get(number)

    def _section_read(self, number: int) -> Section | None:
        leaves = Checkpoint.objects.filter(number=number).values_list("leaves", flat=True).first()
        try:
            found = sections(bytes(leaves or b""))
        except (BrokenLeavesError, IndexError):
            return None
        return next((section for section in found if section.table == self._table.name), None)
