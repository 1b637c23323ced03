"""Verifying the record: each row against the leaf of a signed checkpoint, and each checkpoint against its chain.

It streams: memory contains one checkpoint, the runs of covered ids, and the copies that were kept elsewhere.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from audit import rollups
from audit.models import Checkpoint, UnsealedRange
from audit.problem import Problem
from audit.rollups import EVENTS
from audit.sealing.chain import Chain, leaves_of, payload_of
from audit.sealing.checkpoints import MAX_ROWS, Reader
from audit.sealing.id_ranges import IdRanges
from audit.sealing.leaf import SealedTable, instant
from audit.sealing.leaves import Leaf
from audit.sealing.sealed_columns import as_sealed
from audit.sealing.sealed_tables import sealed_tables
from audit.sealing.unsealed import LATEST_SEAL
from audit.streamed import CHUNK, in_pages
from audit.verification import evidence
from audit.verification.acknowledgements import Acknowledgements
from audit.verification.copies import Copies
from audit.verification.index_check import index_problems
from audit.verification.row_check import Changed, State, compare
from audit.verification.sums_check import Sums
from audit.verification.tombstones import Tombstones

CHANGED = "it was changed after it was sealed"
REMOVED = "it was removed after it was sealed"
LATE = "it was sealed late: its instant is more than an hour before the previous checkpoint, so it was inserted later"
EARLY = "its instant is more than an hour after it was sealed: it was inserted for the future, or its clock ran ahead"
TO_COME = "its instant is more than an hour from now: it was inserted for the future"
INSERTED = "it was inserted among sealed rows: no checkpoint covers it"
WAITS = "it is older than an hour and not sealed"


def _nobody(_rows: int) -> None:
    """Ignores the progress."""


@dataclass(slots=True)
class Verification:
    """One run: read `problems` to its end; then the other fields say what was found.

    `since` and `until` choose the rows that are compared, by whole checkpoints: those that may cover rows from the
    first instant until before the second. Checkpoints, and whether a row is covered, are checked in any case.
    """

    read: Reader
    now: datetime
    since: datetime | None = None
    until: datetime | None = None
    copies: Copies = field(default_factory=Copies)
    progress: Callable[[int], object] = _nobody
    """Called with the number of leaves that were checked since the last call; with 0 while it works on other things.

    No query is open then, so that the callback may use the database.
    """

    checkpoints: int = 0
    rows: int = 0
    """The number of compared rows, unchanged or not."""
    waiting: int = 0
    """Rows that the next checkpoint will cover."""
    acknowledged: list[str] = field(default_factory=list)
    """Acknowledged findings, with who acknowledged each, when and why."""
    pruned: list[str] = field(default_factory=list)
    """What was deleted under a signed tombstone, in words."""
    not_compared: list[str] = field(default_factory=list)
    """Rows whose leaves were made with columns that this version of the server does not have, in words."""
    _covered: dict[str, IdRanges] = field(default_factory=lambda: defaultdict(IdRanges))
    _ahead: dict[int, str] = field(default_factory=dict)
    """The instants of token requests whose clock is known to have run ahead."""
    _changed: dict[str, Changed] = field(default_factory=dict)
    _not_compared: "Counter[tuple[str, tuple[str, ...]]]" = field(default_factory=Counter)
    """How many rows, by table and missing columns."""
    _last_reached: datetime | None = None
    """When all rows had last been sealed: at the last checkpoint that was not full."""
    _sums: Sums | None = None
    """None if not all rows are compared, or some are changed: then the sums cannot be checked."""

    def problems(self) -> Iterator[Problem]:
        """Every finding that is not acknowledged, as it is found. Raises the errors of the database when it is away."""
        known = Acknowledgements(self.read)
        self._ahead = known.rows_of_a_clock_ahead()
        yield from known.forged
        for problem in self._all_problems():
            if acknowledgement := known.of(problem):
                self.acknowledged.append(f"{problem.line}: {acknowledgement}")
            else:
                yield problem

    def problems_of_row(
        self, table: SealedTable, leaf: Leaf, checkpoint: Checkpoint, *, last_reached: datetime | None
    ) -> Iterator[Problem]:
        """For one row, acknowledged or not. `table` has the columns that the leaf was made of.

        `last_reached`: when all rows had last been sealed before this checkpoint.
        """
        self._last_reached = last_reached
        yield from self._row_problems(checkpoint, table, [leaf], Tombstones(self.read))

    @property
    def has_passed_over(self) -> bool:
        """Whether a row could not be compared."""
        return bool(self._not_compared)

    def _all_problems(self) -> Iterator[Problem]:
        tables = {table.name: table for table in sealed_tables()}
        gaps = list(UnsealedRange.objects.all())
        stones = Tombstones(self.read)
        self._sums = None if self.since or self.until else Sums()
        yield from self.copies.problems
        yield from stones.forged
        yield from self._checkpoint_problems(tables, stones)
        yield from self.copies.missing()
        yield from stones.problems()
        for changed in self._changed.values():
            for pk, other in changed.swapped():
                yield _swapped(changed, pk, other)
        for table in tables.values():
            yield from self._uncovered(table, gaps)
            yield from index_problems(table)
        if self._sums:
            yield from self._sums.problems()
        self.pruned = [str(span) for span in stones.valid]
        self.not_compared = [
            f"{rows} rows of {name} cannot be compared: they were sealed with columns that this version does not have "
            f"({', '.join(columns)}). Verify with the version that sealed them; if the column was dropped, on a backup "
            "that has it."
            for (name, columns), rows in sorted(self._not_compared.items())
        ]

    def _checkpoint_problems(self, tables: dict[str, SealedTable], stones: Tombstones) -> Iterator[Problem]:
        chain, last = Chain(self.read), 0
        for checkpoint in _in_order():
            name = f"checkpoint {checkpoint.number}"
            if lost := chain.missing_before(checkpoint):
                self._sums = None
                yield _missing(lost)
            leaves = leaves_of(checkpoint)
            reasons = [*chain.problems(checkpoint, leaves), *self._copy_problems(checkpoint)]
            yield from (Problem(name, why) for why in reasons)
            if leaves is None:
                self._sums = None
                yield Problem(name, "its leaves cannot be read")
            yield from self._leaf_problems(checkpoint, leaves or [], tables, stones)
            if checkpoint.row_count < MAX_ROWS:
                self._last_reached = checkpoint.created_at
            last = checkpoint.number
            self.checkpoints += 1
            self.progress(checkpoint.row_count)
        yield from self._passed_over(last)

    def _passed_over(self, last: int) -> Iterator[Problem]:
        """Rows up to that number that the walk in the order of numbers did not meet. New ones may come meanwhile."""
        stored = Checkpoint.objects.count()
        more = stored - Checkpoint.objects.filter(number__gt=last).count() - self.checkpoints
        if more > 0:
            yield Problem(
                "checkpoints", f"{more} more rows than numbers: one number has several, or a row has none"
            )

    def _copy_problems(self, checkpoint: Checkpoint) -> Iterator[str]:
        return self.copies.problems_of(checkpoint, sent_before=self.now - LATEST_SEAL)

    def _is_chosen(self, checkpoint: Checkpoint) -> bool:
        if self.since and checkpoint.created_at < self.since:
            return False
        return not (self.until and self._last_reached and self._last_reached >= self.until + LATEST_SEAL)

    def _leaf_problems(
        self, checkpoint: Checkpoint, leaves: list[Leaf], tables: dict[str, SealedTable], stones: Tombstones
    ) -> Iterator[Problem]:
        is_chosen = self._is_chosen(checkpoint)
        for name, group in groupby(leaves, key=lambda leaf: leaf.table):
            section = list(group)
            self._covered[name].add(leaf.id for leaf in section)
            if name == EVENTS and stones.valid:
                stones.count(section)
            if name not in tables:
                yield Problem(name, "its rows are sealed, and there is no such table")
            elif is_chosen:
                table = as_sealed(tables[name], payload_of(checkpoint.statement))
                yield from self._row_problems(checkpoint, table, section, stones)

    def _row_problems(
        self, checkpoint: Checkpoint, table: SealedTable, leaves: list[Leaf], stones: Tombstones
    ) -> Iterator[Problem]:
        changed = self._changed.setdefault(table.name, Changed(table))
        too_early = instant(self._last_reached - LATEST_SEAL) if self._last_reached else ""
        too_late = instant(checkpoint.created_at + LATEST_SEAL)
        rests_on = evidence.Evidence(table, leaves, checkpoint=checkpoint.number)
        sums: Counter[rollups.Kind] = Counter()
        self.rows += len(leaves)
        for number, (pk, state, members) in enumerate(compare(table, leaves, changed)):
            if number % CHUNK == 0:
                self.progress(0)
            name = f"{table.name} {pk}"
            if state is State.SAME:
                rollups.count(sums, members)
                at = members.get(table.instant_name, "")
                if not too_early <= at <= too_late:
                    why, kind = (LATE, evidence.LATE) if at < too_early else (EARLY, evidence.EARLY)
                    yield Problem(name, why, _seen(at, checkpoint), rests_on.clock(kind, pk, at))
            elif state is State.MISSING and table.name == EVENTS and stones.range_of(pk):
                self._note_pruned(checkpoint, pk)
            elif state is State.NOT_COMPARED:
                self._sums = None
                self._not_compared[table.name, table.unknown] += 1
            else:
                self._sums = None
                yield _altered(name, pk, state, rests_on)
        if self._sums:
            self._sums.take(checkpoint, sums)

    def _note_pruned(self, checkpoint: Checkpoint, pk: int) -> None:
        if not self._sums:
            return
        if at := self._ahead.get(pk):
            self._sums.pruned_ahead(at)
        else:
            self._sums.pruned(until=checkpoint.created_at + LATEST_SEAL)

    def _uncovered(self, table: SealedTable, gaps: list[UnsealedRange]) -> Iterator[Problem]:
        covered = self._covered[table.name]
        for first, last in covered.close():
            yield Problem(f"{table.name} {first} to {last}", "two checkpoints cover them")
        own = [(gap.first_id, gap.last_id) for gap in gaps if gap.table == table.name]
        ids = table.model._default_manager.order_by("pk").values_list("pk")
        for number, (pk,) in enumerate(in_pages(ids)):
            if number % CHUNK == 0:
                self.progress(0)
            if pk not in covered:
                yield from self._uncovered_row(
                    table, pk, may_be_sealed=pk > covered.last or _lies_in(own, pk)
                )

    def _uncovered_row(self, table: SealedTable, pk: int, *, may_be_sealed: bool) -> Iterator[Problem]:
        name = f"{table.name} {pk}"
        rows = table.model._default_manager.filter(pk=pk)
        if not may_be_sealed:
            yield Problem(name, INSERTED, evidence=evidence.inserted(table, pk))
        elif rows.filter(**{f"{table.instant_name}__lt": self.now - LATEST_SEAL}).exists():
            yield Problem(name, WAITS)
        elif rows.filter(**{f"{table.instant_name}__gt": self.now + LATEST_SEAL}).exists():
            yield Problem(name, TO_COME)
        else:
            self.waiting += 1


def _seen(at: str, checkpoint: Checkpoint) -> str:
    return f"its instant is {at}, and checkpoint {checkpoint.number} sealed it at {instant(checkpoint.created_at)}"


def _altered(name: str, pk: int, state: State, rests_on: evidence.Evidence) -> Problem:
    if state is State.CHANGED:
        return Problem(name, CHANGED, evidence=rests_on.changed(pk))
    return Problem(name, REMOVED, evidence=rests_on.removed(pk))


def _swapped(changed: Changed, pk: int, other: int) -> Problem:
    content = evidence.content_of(changed.table, pk)
    rests_on = f"{evidence.SWAPPED} {other} {content}" if content else ""
    return Problem(f"{changed.table.name} {pk}", f"it holds what row {other} held", evidence=rests_on)


def _in_order() -> Iterator[Checkpoint]:
    """One row for each number, from the lowest on."""
    checkpoint = Checkpoint.objects.filter(number__gte=0).order_by("number").first()
    while checkpoint:
        yield checkpoint
        checkpoint = Checkpoint.objects.filter(number__gt=checkpoint.number).order_by("number").first()


def _missing(numbers: range) -> Problem:
    if len(numbers) == 1:
        return Problem(f"checkpoint {numbers[0]}", "it is missing")
    return Problem(f"checkpoints {numbers[0]} to {numbers[-1]}", "they are missing")


def _lies_in(ranges: list[tuple[int, int | None]], pk: int) -> bool:
    return any(first <= pk and (last is None or pk <= last) for first, last in ranges)
