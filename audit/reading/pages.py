"""The record in pages, newest first: each takes milliseconds, for any number of rows and any filter.

A page is a range of one index: that of a filtered column, else of time. The other filters, among them those that no
index serves (API, scope, reason), are looked up row by row, in so many rows at most: then the page ends, full or not,
and says how far it looked. Nothing is counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact

from audit.models import IssuanceEvent
from audit.reading.filters import Search
from audit.reading.index_ranges import PARTIAL, IndexRange, IsNot
from audit.reading.positions import FIRST, LAST, Position

MAX_LOOKED_AT = 2_000
MAX_LOOKED_AT_IN_TIME = 20_000
"""Of the index of time alone: rows that came one after the other lie beside each other, and are read faster."""
MAX_OF_A_NAME = 100
"""Rows that a jti or a request ID finds; one request has two at most."""
INDEXED = ("credential", "kid", "ip", "client_id", "error", "outcome", "issuer")


@dataclass(frozen=True, slots=True)
class Page:
    """Newest first. `newer` and `older` are the positions from which the neighbouring pages start, None at an end."""

    events: tuple[IssuanceEvent, ...]
    newer: Position | None = None
    older: Position | None = None
    looked_until: datetime | None = None
    """Set if the page ended because it had looked at enough rows; the rows beyond were not looked at."""
    looked_at: int = 0
    """How many, then."""


def page_of(
    search: Search, *, size: int, older_than: Position | None = None, newer_than: Position | None = None
) -> Page:
    """The newest matching rows, or those right before or after a position."""
    if search.name:
        return Page(events=tuple(_named(search)[:size]))
    index_range, end = _farthest(search, older_than=older_than, newer_than=newer_than)
    rest = {name: search.equals[name] for name in search.equals if name != index_range.column}
    most = _most(index_range, search)
    found = _found(index_range, rest=rest, others=search.others, most=most)
    rows = [event for event in found[: size + 1] if index_range.holds(Position.of(event))]
    is_full = len(rows) > size
    on = Position.of(rows[size - 1]) if is_full else end
    looked_until = end.at if end and not is_full else None
    if index_range.backwards:
        return Page(tuple(rows[:size]), _back(older_than), on, looked_until, most)
    return Page(tuple(rows[:size][::-1]), on, _forth(newer_than), looked_until, most)


def _most(index_range: IndexRange, search: Search) -> int:
    """Rows to look at. What no index serves is rarer, as a rule, than what a partial index leaves out."""
    return MAX_LOOKED_AT_IN_TIME if search.others and not index_range.column else MAX_LOOKED_AT


def _back(older_than: Position | None) -> Position | None:
    """From an older page to the newer one, which ended at this position and may contain its row."""
    return older_than.before if older_than else None


def _forth(newer_than: Position | None) -> Position | None:
    return newer_than.after if newer_than else None


def _farthest(
    search: Search, *, older_than: Position | None, newer_than: Position | None
) -> tuple[IndexRange, Position | None]:
    """Of the indexes the one that reaches farthest within the rows to look at, and where those end.

    None if it ends before that, or if no other filter is left, so that each row is one of the page.
    """
    index_ranges = _index_ranges(search, older_than=older_than, newer_than=newer_than)
    is_alone = len(index_ranges) == 1 and set(search.equals) <= {index_ranges[0].column}
    if is_alone and not search.others:
        return index_ranges[0], None
    ends = [(index_range.place_of(_most(index_range, search)), index_range) for index_range in index_ranges]
    for end, index_range in ends:
        if end is None:
            return index_range, None
    choose = min if index_ranges[0].backwards else max
    end, index_range = choose(ends, key=lambda found: found[0] or FIRST)
    return index_range, end


def _index_ranges(
    search: Search, *, older_than: Position | None, newer_than: Position | None
) -> list[IndexRange]:
    first = Position(at=search.since, id=0) if search.since else FIRST
    last = Position(at=search.until, id=0) if search.until else LAST
    if newer_than:
        first = max(first, newer_than.after)
    elif older_than:
        last = min(last, older_than.before)
    columns = [name for name in INDEXED if name in search.equals and search.equals[name] != PARTIAL.get(name)]
    return [
        IndexRange(
            column=column,
            value=search.equals[column] if column else "",
            first=first,
            last=last,
            backwards=newer_than is None,
        )
        for column in columns or [""]
    ]


def _found(
    index_range: IndexRange, *, rest: Mapping[str, str], others: tuple[Q, ...], most: int
) -> QuerySet[IssuanceEvent]:
    """The rows that match the other filters, in the order of the walk."""
    if not rest and not others:
        return index_range.walked()
    looked_at = index_range.walked().values("pk")[: most + 1]
    order = ("-at", "-id") if index_range.backwards else ("at", "id")
    # Without the columns' own indexes, which a planner without statistics might prefer.
    like = [Exact(Coalesce(name, Value("")), value) for name, value in rest.items()]
    return IssuanceEvent.objects.filter(*like, *others, pk__in=looked_at).order_by(*order)


def _named(search: Search) -> list[IssuanceEvent]:
    """Two look-ups, each in its index, then the other filters."""
    by_jti = IssuanceEvent.objects.filter(IsNot(F("jti"), but=""), jti=search.name)
    by_request = IssuanceEvent.objects.filter(request_id=search.name)
    ids = {
        number
        for found in (by_jti, by_request)
        for number in found.order_by().values_list("pk", flat=True)[:MAX_OF_A_NAME]
    }
    asked = Q(**search.equals)
    if search.since:
        asked &= Q(at__gte=search.since)
    if search.until:
        asked &= Q(at__lt=search.until)
    return list(IssuanceEvent.objects.filter(asked, *search.others, pk__in=ids))
