"""Permitted and actual access to an audience between two dates."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode

from django.db.models import Max, Min, Q, Sum

from audit.exporting.csv_export import neutralised
from audit.models import HourlyCount, Outcome
from console.reports.access_history import Access, GrantAct, accesses
from console.reports.activity import complete_until
from console.reports.intervals import Interval, within
from console.requests.record_links import record_link
from issuers.models import Issuer

COLUMNS = (
    "client_id", "name", "could", "can_now", "granted", "issued", "refused", "first_hour", "last_hour", "remark",
)  # fmt: skip


@dataclass(slots=True)
class Use:
    """What a client did; hours are those of its first and last request that counts, by their start."""

    issued: int = 0
    refused: int = 0
    first: datetime | None = None
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """`could` is the part of it within the range."""

    client_id: str
    name: str
    relying_party_id: int | None
    could: tuple[Interval, ...]
    can_now: bool
    acts: tuple[GrantAct, ...]
    use: Use
    link: str
    timeline_query: str

    @property
    def remark(self) -> str:
        if self.use.issued and not self.could:
            return "got tokens while the history does not show that it could"
        if self.use.issued and not self.can_now:
            return "got tokens, and cannot now"
        return "could, and never did" if self.could and not self.use.issued else ""


@dataclass(frozen=True, slots=True)
class Report:
    issuer: Issuer
    audience: str
    since: datetime
    until: datetime
    complete_until: datetime | None
    lines: tuple[Line, ...] = field(default=())

    def could(self) -> int:
        return sum(bool(line.could) for line in self.lines)

    def did(self) -> int:
        return sum(bool(line.use.issued) for line in self.lines)

    def csv_rows(self) -> Iterator[list[str]]:
        """The names first; no cell is a formula."""
        yield list(COLUMNS)
        for line in self.lines:
            yield [neutralised(cell) for cell in _cells(line)]


def report(*, issuer: Issuer, audience: str, since: datetime, until: datetime, now: datetime) -> Report:
    """`since` and `until` are whole hours."""
    known = accesses(issuer, audience)
    used = uses(issuer.url, audience, since, until)
    lines = [
        _line(
            known.get(client_id) or _unknown(client_id),
            used.get(client_id, Use()),
            since=since,
            until=until,
            now=now,
            issuer=issuer.url,
        )
        for client_id in known.keys() | used.keys()
    ]
    shown = [line for line in lines if line.could or line.use.issued or line.use.refused]
    return Report(
        issuer=issuer,
        audience=audience,
        since=since,
        until=until,
        complete_until=complete_until(),
        lines=tuple(sorted(shown, key=lambda line: (-line.use.issued, -line.use.refused, line.client_id))),
    )


def uses(issuer: str, audience: str, since: datetime, until: datetime) -> dict[str, Use]:
    """By client id; requests that proved no client have no audience."""
    found: dict[str, Use] = {}
    counts = HourlyCount.objects.filter(_names(audience), issuer=issuer, hour__gte=since, hour__lt=until)
    sums = counts.order_by().values_list("client_id", "audience", "outcome")
    for client_id, named, outcome, requests, first, last in sums.annotate(
        n=Sum("requests"), first=Min("hour"), last=Max("hour")
    ):
        # SQLite compares without case.
        if audience in named.split() and outcome != Outcome.FAILED:
            _add(found.setdefault(client_id, Use()), outcome, requests, first, last)
    return found


def _names(audience: str) -> Q:
    """The column contains one audience or several, separated by a space."""
    return (
        Q(audience=audience)
        | Q(audience__startswith=f"{audience} ")
        | Q(audience__endswith=f" {audience}")
        | Q(audience__contains=f" {audience} ")
    )


def _add(use: Use, outcome: str, requests: int, first: datetime, last: datetime) -> None:
    if outcome == Outcome.ISSUED:
        use.issued += requests
    else:
        use.refused += requests
    use.first = min(use.first or first, first)
    use.last = max(use.last or last, last)


def _unknown(client_id: str) -> Access:
    return Access(client_id=client_id, name="", relying_party_id=None, could=(), acts=())


def _line(access: Access, use: Use, *, issuer: str, since: datetime, until: datetime, now: datetime) -> Line:
    return Line(
        client_id=access.client_id,
        name=access.name,
        relying_party_id=access.relying_party_id,
        could=tuple(within(access.could, since=since, until=until)),
        can_now=any(interval.includes(now) for interval in access.could),
        acts=tuple(act for act in access.acts if act.at < until),
        use=use,
        link=record_link(since=since, until=until, client=access.client_id, issuer=issuer),
        timeline_query=urlencode({"issuer": issuer, "client": access.client_id}),
    )


def _cells(line: Line) -> tuple[object, ...]:
    could = "; ".join(
        f"{span.since:%Y-%m-%dT%H:%M:%SZ} to {span.until:%Y-%m-%dT%H:%M:%SZ}" for span in line.could
    )
    granted = "; ".join(
        f"{act.act} {act.at:%Y-%m-%dT%H:%M:%SZ} by {act.actor} ({act.source})" for act in line.acts
    )
    return (
        line.client_id, line.name, could, "yes" if line.can_now else "no", granted, line.use.issued,
        line.use.refused, line.use.first, line.use.last, line.remark,
    )  # fmt: skip
