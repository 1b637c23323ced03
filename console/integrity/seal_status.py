"""The seal of the rows in view: how far the record is sealed, and whether these rows are as they were sealed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Min, Q, QuerySet
from django.utils import timezone

from audit.models import Checkpoint, Inspection, IssuanceEvent, Tombstone, UnsealedRange
from audit.verification.rows_in_view import Checked, State, checked
from keys.record_key import NoRecordKeyError, record_key, statement_reader

EVENTS = IssuanceEvent._meta.db_table
MAX_COUNTED = 1_000
"""Rows that are not sealed; a larger number is shown as more than this."""


@dataclass(frozen=True, slots=True)
class SealStatus:
    """For the whole record: the newest checkpoint, and when everything was last verified.

    `problem` says what to do if nothing can be sealed, empty if it can.
    """

    problem: str
    newest: Checkpoint | None
    verified: Inspection | None


@dataclass(frozen=True, slots=True)
class PageStatus:
    """For the rows on a page. `pruned` are the ranges among them that were deleted under tombstones."""

    whole: SealStatus
    rows: int
    checked: tuple[Checked, ...]
    pruned: tuple[Tombstone, ...] = field(default=())

    @property
    def as_sealed(self) -> int:
        return self._of(State.AS_SEALED)

    @property
    def waiting(self) -> int:
        return self._of(State.NOT_YET)

    @property
    def not_found(self) -> int:
        return self._of(State.NOT_FOUND)

    @property
    def not_compared(self) -> int:
        return self._of(State.NOT_COMPARED)

    @property
    def broken(self) -> list[Checked]:
        return [row for row in self.checked if row.state == State.BROKEN]

    def _of(self, state: State) -> int:
        return sum(row.state == state for row in self.checked)


def seal_status(now: datetime) -> SealStatus:
    return SealStatus(
        problem=_problem(now),
        newest=Checkpoint.objects.order_by("-number").defer("leaves").first(),
        verified=verified_in_full(),
    )


def verified_in_full() -> Inspection | None:
    """The newest verification of all rows, whoever ran it."""
    parts = Q(filter__startswith="from ") | Q(filter__startswith="to ")
    runs = Inspection.objects.filter(act=Inspection.Act.VERIFY).exclude(parts)
    return runs.order_by("-id").first()


def page_status(events: Sequence[IssuanceEvent], *, now: datetime | None = None) -> PageStatus:
    """`events` are those of one page. Their leaves are made again and compared with those in the checkpoints."""
    return PageStatus(
        whole=seal_status(now or timezone.now()),
        rows=len(events),
        checked=tuple(checked(events, read=statement_reader())),
        pruned=tuple(_pruned(event.pk for event in events)),
    )


def _problem(now: datetime) -> str:
    try:
        record_key(now)
    except NoRecordKeyError as error:
        return str(error)
    return ""


def unsealed_rows() -> int:
    """Rows after those of the last checkpoint, counted up to MAX_COUNTED and one."""
    return _unsealed().order_by()[: MAX_COUNTED + 1].count()


def sealed_until(newest: Checkpoint | None) -> datetime | None:
    """Every token request before this instant is under the newest checkpoint or an earlier one. None: nothing is."""
    if newest is None:
        return None
    first = _unsealed().order_by("pk").values_list("at", flat=True).first()
    return min(newest.created_at, first) if first else newest.created_at


def _unsealed() -> QuerySet[IssuanceEvent]:
    spans = UnsealedRange.objects.filter(table=EVENTS, last_id=None)
    first = spans.aggregate(first=Min("first_id"))["first"] or 0
    return IssuanceEvent.objects.filter(pk__gte=first)


def _pruned(ids: Iterable[int]) -> Iterable[Tombstone]:
    known = list(ids)
    if not known:
        return []
    overlapping = Tombstone.objects.filter(first_id__lte=max(known), last_id__gte=min(known))
    return overlapping.defer("statement").order_by("first_id")
