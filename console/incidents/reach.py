"""What a client, or one of its credentials, got and still has: two bounded walks of an index, summed up here."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from audit.models import Outcome
from audit.reading.index_ranges import IndexRange
from audit.reading.positions import FIRST, LAST, Position
from console.tokens.unexpired_tokens import longest_life
from issuers.models import Issuer

MAX_READ = 5_000
"""Requests that a walk reads: some tenths of a second."""
MAX_LISTED = 20


class Row(NamedTuple):
    """The columns of a request that are read."""

    at: datetime
    issuer: str
    client_id: str
    outcome: str
    ip: str
    audience: str
    expires_at: datetime | None

    @property
    def is_issued(self) -> bool:
        return self.outcome == Outcome.ISSUED


@dataclass(frozen=True, slots=True)
class Whose:
    """The client, and the one credential of it that is meant, if any."""

    issuer: Issuer
    client_id: str
    credential: str = ""

    @property
    def requests(self) -> IndexRange:
        """All that this credential, or else this client, asked for."""
        column, value = ("credential", self.credential) if self.credential else ("client_id", self.client_id)
        return IndexRange(column=column, value=value, first=FIRST, last=LAST, backwards=True)

    def earlier(self, than: datetime) -> IndexRange:
        """What the client had asked for before, by whatever credential."""
        last = Position(at=than, id=0)
        return IndexRange(column="client_id", value=self.client_id, first=FIRST, last=last, backwards=True)

    def read(self, walk: IndexRange) -> list[Row]:
        """The newest rows of the walk; one more than MAX_READ where there are more."""
        return [Row(*values) for values in walk.walked().values_list(*Row._fields)[: MAX_READ + 1]]

    def owns(self, row: Row) -> bool:
        """Other issuers may have a client of the same ID."""
        return (row.issuer, row.client_id) == (self.issuer.url, self.client_id)


@dataclass(frozen=True, slots=True)
class StillGood:
    """At least so many tokens that are not expired, and when the last of them is."""

    count: int
    until: datetime | None
    is_partial: bool


@dataclass(frozen=True, slots=True)
class Used:
    """An address or an API, and its requests."""

    name: str
    issued: int
    refused: int
    first: datetime
    last: datetime
    is_new: bool = False
    """An address from which the client did not ask before, as far back as was read."""


@dataclass(frozen=True, slots=True)
class Deeds:
    """Since an instant. `is_partial`: there were more requests, and only the newest were read."""

    issued: int
    refused: int
    addresses: tuple[Used, ...]
    apis: tuple[Used, ...]
    """Those that were used last, MAX_LISTED at most."""
    is_partial: bool
    max_read: int = MAX_READ
    max_listed: int = MAX_LISTED


def reach(whose: Whose, *, since: datetime, now: datetime) -> tuple[StillGood, Deeds]:
    read = whose.read(whose.requests)
    own = [row for row in read[:MAX_READ] if whose.owns(row)]
    known = {row.ip for row in whose.read(whose.earlier(than=since)) if whose.owns(row)}
    alive = now - longest_life(whose.issuer)
    return (
        _still_good(own, now=now, is_partial=_is_cut(read, since=alive)),
        _deeds([row for row in own if row.at >= since], known, is_partial=_is_cut(read, since=since)),
    )


def _is_cut(read: list[Row], *, since: datetime) -> bool:
    """Whether rows since that instant were left out."""
    return len(read) > MAX_READ and read[MAX_READ].at >= since


def _still_good(own: list[Row], *, now: datetime, is_partial: bool) -> StillGood:
    ends = [row.expires_at for row in own if row.is_issued and row.expires_at and row.expires_at > now]
    return StillGood(count=len(ends), until=max(ends, default=None), is_partial=is_partial)


def _deeds(rows: list[Row], known: set[str], *, is_partial: bool) -> Deeds:
    issued = [row for row in rows if row.is_issued]
    return Deeds(
        issued=len(issued),
        refused=len(rows) - len(issued),
        addresses=_used(rows, lambda row: row.ip, is_new=lambda ip: ip not in known),
        apis=_used(issued, lambda row: row.audience, is_new=lambda _api: False),
        is_partial=is_partial,
    )


def _used(
    rows: list[Row], name_of: Callable[[Row], str], *, is_new: Callable[[str], bool]
) -> tuple[Used, ...]:
    """The rows are the newest first, and so are the names."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[name_of(row)].append(row)
    return tuple(_use(name, of, is_new=is_new(name)) for name, of in list(groups.items())[:MAX_LISTED])


def _use(name: str, rows: list[Row], *, is_new: bool) -> Used:
    issued = sum(row.is_issued for row in rows)
    return Used(name, issued, len(rows) - issued, first=rows[-1].at, last=rows[0].at, is_new=is_new)
