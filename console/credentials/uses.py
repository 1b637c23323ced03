"""How a credential was used: by day and by address, in its newest uses, so that a busy one takes no longer.

Its first and its last use are looked up by themselves. A use is a request that it proved, whatever came of it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from audit.models import Outcome
from audit.reading.index_ranges import IndexRange
from audit.reading.positions import FIRST, LAST
from console.admin_base.charts.bar_chart import Bucket, Chart, chart
from console.requests.record_links import record_link

MAX_READ = 5_000
"""The newest uses: reading them takes less than a tenth of a second."""
MAX_ADDRESSES = 20
DAY = timedelta(days=1)
MAX_DAYS = 31
Use = tuple[datetime, str, str]
"""When, from which address, and what came of it."""


@dataclass(slots=True)
class AddressLine:
    """`is_new`: no counted use before the chosen date was from it."""

    address: str
    first: datetime
    last: datetime
    uses: int = 0
    refused: int = 0
    is_new: bool = False
    link: str = ""


@dataclass(frozen=True, slots=True)
class Uses:
    """`counted_since` is the first instant from which every use is counted; None: all of them are."""

    first: datetime | None
    last: datetime | None
    counted: int
    counted_since: datetime | None
    chart: Chart
    addresses: tuple[AddressLine, ...]
    more_addresses: int
    new_addresses: tuple[AddressLine, ...] = field(default=())
    new_are_known: bool = True
    """False if uses before the chosen date were not read, so that none can be called new."""


def uses_of(credential: str, *, new_since: datetime, now: datetime) -> Uses:
    newest = _range(credential, backwards=True).walked().values_list("at", "ip", "outcome")
    read = list(newest[: MAX_READ + 1])
    counted_since = read[MAX_READ - 1][0] if len(read) > MAX_READ else None
    counted = read[:MAX_READ]
    is_known = counted_since is None or counted_since < new_since
    lines = _by_address(credential, counted, new_since=new_since if is_known else LAST.at)
    return Uses(
        first=_range(credential, backwards=False).walked().values_list("at", flat=True).first()
        if read
        else None,
        last=read[0][0] if read else None,
        counted=len(counted),
        counted_since=counted_since,
        chart=chart(_by_day(credential, counted, counted_since=counted_since, now=now)),
        addresses=tuple(lines[:MAX_ADDRESSES]),
        more_addresses=max(len(lines) - MAX_ADDRESSES, 0),
        new_addresses=tuple([line for line in lines if line.is_new][:MAX_ADDRESSES]),
        new_are_known=is_known,
    )


def _range(credential: str, *, backwards: bool) -> IndexRange:
    return IndexRange(column="credential", value=credential, first=FIRST, last=LAST, backwards=backwards)


def _by_address(credential: str, uses: Sequence[Use], *, new_since: datetime) -> list[AddressLine]:
    """The most recently used first; `uses` are the newest first."""
    lines: dict[str, AddressLine] = {}
    for at, address, outcome in uses:
        line = lines.setdefault(address, AddressLine(address=address, first=at, last=at))
        line.uses += 1
        line.refused += outcome != Outcome.ISSUED
        line.first = at
    for line in lines.values():
        line.is_new = line.first >= new_since
        line.link = record_link(credential=credential, address=line.address)
    return list(lines.values())


def _by_day(
    credential: str, uses: Sequence[Use], *, counted_since: datetime | None, now: datetime
) -> list[Bucket]:
    """The last days, from the first one of which something is counted."""
    sums = Counter((_days_ago(at, now), outcome) for at, _address, outcome in uses)
    oldest = min(max((_days_ago(at, now) for at, _address, _outcome in uses[-1:]), default=0), MAX_DAYS - 1)
    return [
        _bucket(credential, days_ago, sums, counted_since=counted_since, now=now)
        for days_ago in range(oldest, -1, -1)
    ]


def _days_ago(at: datetime, now: datetime) -> int:
    return (now.date() - at.date()).days


def _bucket(
    credential: str,
    days_ago: int,
    sums: "Counter[tuple[int, str]]",
    *,
    counted_since: datetime | None,
    now: datetime,
) -> Bucket:
    """A day in UTC, or the part of it that is counted."""
    start = now.replace(hour=0, minute=0, second=0, microsecond=0) - days_ago * DAY
    since, until = max(start, counted_since or start), start + DAY

    def link(outcome: Outcome) -> str:
        return record_link(since=since, until=until, credential=credential, outcome=outcome)

    return Bucket(
        since=since,
        until=until,
        issued=sums[days_ago, Outcome.ISSUED],
        refused=sums[days_ago, Outcome.REFUSED],
        failed=sums[days_ago, Outcome.FAILED],
        issued_link=link(Outcome.ISSUED),
        refused_link=link(Outcome.REFUSED),
        failed_link=link(Outcome.FAILED),
    )
