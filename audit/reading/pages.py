"""The record in pages, newest first: each in milliseconds, however many rows there are and whatever is asked for.

A page is a stretch of one index: of a column that is asked for, else of time. What else is asked for is looked up row
by row, in MAX_LOOKED_AT rows at most: then the page ends, full or not, and tells how far it looked. None is counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact

from audit.models import IssuanceEvent
from audit.reading.index_ranges import PARTIAL, IsNot, Stretch
from audit.reading.positions import FIRST, LAST, Place

MAX_LOOKED_AT = 2_000
MAX_OF_A_NAME = 100
"""Rows that a jti or a request ID finds; there are two of one request at most."""
INDEXED = ("credential", "kid", "ip", "client_id", "error", "outcome", "issuer")


@dataclass(frozen=True, slots=True)
class Search:
    """What is asked for: values of columns, from an instant on and until before another, and a jti or request ID."""

    equals: Mapping[str, str] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Newest first. `newer` and `older` are the places from which the pages beside it go on, None where none is."""

    events: tuple[IssuanceEvent, ...]
    newer: Place | None = None
    older: Place | None = None
    looked_until: datetime | None = None
    """Set where the page ended since it had looked at enough rows; those beyond were not looked at."""


def page_of(
    search: Search, *, size: int, older_than: Place | None = None, newer_than: Place | None = None
) -> Page:
    """The newest rows that are like that, or those right before or after a place."""
    if search.name:
        return Page(events=tuple(_named(search)[:size]))
    stretch, end = _farthest(search, older_than=older_than, newer_than=newer_than)
    found = _found(
        stretch, rest={name: search.equals[name] for name in search.equals if name != stretch.column}
    )
    rows = [event for event in found[: size + 1] if stretch.holds(Place.of(event))]
    is_full = len(rows) > size
    on = Place.of(rows[size - 1]) if is_full else end
    looked_until = end.at if end and not is_full else None
    if stretch.backwards:
        return Page(tuple(rows[:size]), newer=_back(older_than), older=on, looked_until=looked_until)
    return Page(tuple(rows[:size][::-1]), newer=on, older=_forth(newer_than), looked_until=looked_until)


def _back(older_than: Place | None) -> Place | None:
    """From an older page to the newer one, which ended at this place and may hold it."""
    return older_than.before if older_than else None


def _forth(newer_than: Place | None) -> Place | None:
    return newer_than.after if newer_than else None


def _farthest(
    search: Search, *, older_than: Place | None, newer_than: Place | None
) -> tuple[Stretch, Place | None]:
    """Of the indexes the one that reaches farthest by MAX_LOOKED_AT rows, and where those end.

    None where it ends before they do, or where nothing is left to look up, so that each row is one of the page.
    """
    stretches = _stretches(search, older_than=older_than, newer_than=newer_than)
    if len(stretches) == 1 and set(search.equals) <= {stretches[0].column}:
        return stretches[0], None
    ends = [(stretch.place_of(MAX_LOOKED_AT), stretch) for stretch in stretches]
    for end, stretch in ends:
        if end is None:
            return stretch, None
    choose = min if stretches[0].backwards else max
    end, stretch = choose(ends, key=lambda found: found[0] or FIRST)
    return stretch, end


def _stretches(search: Search, *, older_than: Place | None, newer_than: Place | None) -> list[Stretch]:
    first = Place(at=search.since, id=0) if search.since else FIRST
    last = Place(at=search.until, id=0) if search.until else LAST
    if newer_than:
        first = max(first, newer_than.after)
    elif older_than:
        last = min(last, older_than.before)
    columns = [name for name in INDEXED if name in search.equals and search.equals[name] != PARTIAL.get(name)]
    return [
        Stretch(
            column=column,
            value=search.equals[column] if column else "",
            first=first,
            last=last,
            backwards=newer_than is None,
        )
        for column in columns or [""]
    ]


def _found(stretch: Stretch, *, rest: Mapping[str, str]) -> QuerySet[IssuanceEvent]:
    """The rows of it that are like the rest, as they are walked."""
    if not rest:
        return stretch.walked()
    looked_at = stretch.walked().values("pk")[: MAX_LOOKED_AT + 1]
    order = ("-at", "-id") if stretch.backwards else ("at", "id")
    # Without the columns' own indexes, which a planner without statistics might take for better ones.
    like = [Exact(Coalesce(name, Value("")), value) for name, value in rest.items()]
    return IssuanceEvent.objects.filter(*like, pk__in=looked_at).order_by(*order)


def _named(search: Search) -> list[IssuanceEvent]:
    """Two look-ups, each in its index, then whatever else is asked for."""
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
    return list(IssuanceEvent.objects.filter(asked, pk__in=ids))
