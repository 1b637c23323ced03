"""Where rows are sealed: the checkpoint that covers each, for rows that come in the order of their ids.

No column of a checkpoint says which ids it covers, so the search walks through the checkpoints beside the rows. A row
that was sealed late is in a later checkpoint than its neighbours; then the search runs ahead, and keeps the number and
the range of ids of each checkpoint that it passed.
"""

import heapq
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import chain
from operator import itemgetter

from audit.models import Checkpoint, UnsealedRange
from audit.sealing.chain import payload_of
from audit.sealing.leaf import SealedTable
from audit.sealing.leaves import BrokenLeavesError, Section, sections
from audit.sealing.merkle import Tree
from audit.sealing.sealed_columns import as_sealed

KEPT_OPEN = 8
"""Checkpoints, of some 5 MB each with 50,000 leaves."""
CLOCKS_APART = timedelta(hours=1)
"""The search starts at the checkpoints of this time before the first row, and only then looks at earlier ones."""


class OpenCheckpoint:
    """A checkpoint whose leaves of one table are loaded."""

    def __init__(self, checkpoint: Checkpoint, *, table: SealedTable) -> None:
        """Raises BrokenLeavesError."""
        self.table = as_sealed(table, payload_of(checkpoint.statement))
        """With the columns that its leaves were made of."""
        self.number = checkpoint.number
        self.kid = checkpoint.kid
        self.statement = checkpoint.statement
        self._sections = sections(bytes(checkpoint.leaves))
        own = (section for section in self._sections if section.table == table.name)
        self.rows = next(own, Section(table.name, 0, memoryview(b"")))

    @cached_property
    def tree(self) -> Tree:
        return Tree.of([leaf for section in self._sections for leaf in section.hashes()])


@dataclass(frozen=True, slots=True)
class Seal:
    checkpoint: OpenCheckpoint
    index: int

    @property
    def leaf_hash(self) -> bytes:
        return self.checkpoint.tree.leaf_hash(self.index)


class SealSearch:
    """What was sealed when the search began. `broken`: checkpoints whose leaves cannot be read; they cover nothing."""

    def __init__(self, table: SealedTable) -> None:
        self.table = table
        self.broken: list[int] = []
        # In this order, rows that are sealed in between are in both, and are found.
        self._noted = list(
            UnsealedRange.objects.filter(table=table.name)
            .order_by("first_id")
            .values_list("first_id", "last_id")
        )
        self._newest = Checkpoint.objects.order_by("-number").values_list("number", flat=True).first() or 0
        self._unread: Iterator[int] | None = None
        self._ahead: list[tuple[int, int, int]] = []
        """Heap of first id, last id and number of checkpoints whose ids are all still to come."""
        self._around: list[tuple[int, int]] = []
        """Last id and number of checkpoints whose range contains the wanted row."""
        self._open: OrderedDict[int, OpenCheckpoint] = OrderedDict()

    def seal_of(self, row_id: int, *, at: datetime) -> Seal | None:
        """None if the row is not sealed. Ids must rise from call to call; `at` is the row's own time."""
        if self._is_noted(row_id):
            return None
        if self._unread is None:
            self._unread = self._numbers(at - CLOCKS_APART)
        found = self._found(row_id)
        while found is None and (number := next(self._unread, None)) is not None:
            self._note(number)
            found = self._found(row_id)
        return found

    def _is_noted(self, row_id: int) -> bool:
        before = bisect_right(self._noted, row_id, key=itemgetter(0))
        last = self._noted[before - 1][1] if before else 0
        return last is None or row_id <= last

    def _numbers(self, earliest: datetime) -> Iterator[int]:
        """The checkpoints from this time on, then the earlier ones."""
        since = Checkpoint.objects.filter(created_at__gte=earliest).order_by("number")
        start = since.values_list("number", flat=True).first() or self._newest + 1
        return chain(range(start, self._newest + 1), range(start - 1, 0, -1))

    def _found(self, row_id: int) -> Seal | None:
        while self._ahead and self._ahead[0][0] <= row_id:
            _, last, number = heapq.heappop(self._ahead)
            self._around.append((last, number))
        self._around = [(last, number) for last, number in self._around if last >= row_id]
        for _, number in self._around:
            checkpoint = self._opened(number)
            index = checkpoint.rows.index_of(row_id) if checkpoint else None
            if checkpoint and index is not None:
                return Seal(checkpoint, index)
        return None

    def _note(self, number: int) -> None:
        checkpoint = self._opened(number)
        if checkpoint and checkpoint.rows.range:
            heapq.heappush(self._ahead, (*checkpoint.rows.range, number))

    def _opened(self, number: int) -> OpenCheckpoint | None:
        if number in self._open:
            self._open.move_to_end(number)
            return self._open[number]
        stored = Checkpoint.objects.filter(number=number).first()
        try:
            checkpoint = OpenCheckpoint(stored, table=self.table) if stored else None
        except BrokenLeavesError:
            self.broken.append(number)
            return None
        if checkpoint:
            self._open[number] = checkpoint
        if len(self._open) > KEPT_OPEN:
            self._open.popitem(last=False)
        return checkpoint
