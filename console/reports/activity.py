"""How many tokens were asked for, by whom, and why not all were issued: from the hourly counts of the record."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, Min, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from audit.models import Checkpoint, HourlyCount, Outcome, RefusalCount
from console.admin_base.charts.bar_chart import Bucket, Chart, chart
from console.requests.record_links import record_link

MAX_LINES = 20
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BY_HOUR_UP_TO = timedelta(days=3)
"""A longer time is shown by days."""


@dataclass(frozen=True, slots=True)
class ClientLine:
    """`client_id` is empty for the requests that proved no client."""

    client_id: str
    issued: int
    refused: int
    failed: int
    link: str
    refused_link: str


@dataclass(frozen=True, slots=True)
class ReasonLine:
    error: str
    requests: int
    link: str


@dataclass(frozen=True, slots=True)
class NetworkLine:
    network: str
    refused: int
    errors: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Activity:
    """`complete_until` is when the newest checkpoint was made; None: nothing is sealed, so nothing is counted."""

    since: datetime
    until: datetime
    complete_until: datetime | None
    chart: Chart
    clients: tuple[ClientLine, ...]
    more_clients: int
    reasons: tuple[ReasonLine, ...]
    networks: tuple[NetworkLine, ...]
    issued: int
    refused: int
    failed: int

    @property
    def is_empty(self) -> bool:
        return not (self.issued or self.refused or self.failed)


@dataclass(frozen=True, slots=True)
class Span:
    """The time and the issuer; an empty issuer is any. Whole hours."""

    since: datetime
    until: datetime
    issuer: str = ""

    def counts(self) -> QuerySet[HourlyCount]:
        found = HourlyCount.objects.filter(hour__gte=self.since, hour__lt=self.until).order_by()
        return found.filter(issuer=self.issuer) if self.issuer else found

    def link(self, *, since: datetime | None = None, until: datetime | None = None, **asked: str) -> str:
        return record_link(since=since or self.since, until=until or self.until, issuer=self.issuer, **asked)


def activity(span: Span) -> Activity:
    buckets = buckets_of(span)
    clients = span.counts().values("client_id").distinct().count()
    return Activity(
        since=span.since,
        until=span.until,
        complete_until=complete_until(),
        chart=chart(buckets),
        clients=tuple(_clients(span)),
        more_clients=max(clients - MAX_LINES, 0),
        reasons=tuple(_reasons(span)),
        networks=tuple(_networks(span)),
        issued=sum(bucket.issued for bucket in buckets),
        refused=sum(bucket.refused for bucket in buckets),
        failed=sum(bucket.failed for bucket in buckets),
    )


def complete_until() -> datetime | None:
    return Checkpoint.objects.order_by("-number").values_list("created_at", flat=True).first()


def buckets_of(span: Span) -> list[Bucket]:
    """Every hour or every day of the time, also those without a request; days are whole except at both ends."""
    length = HOUR if span.until - span.since <= BY_HOUR_UP_TO else DAY
    start = span.since if length == HOUR else span.since.replace(hour=0)
    sums: Counter[tuple[int, str]] = Counter()
    for hour, outcome, requests in span.counts().values_list("hour", "outcome").annotate(n=Sum("requests")):
        sums[(hour - start) // length, outcome] += requests
    number = -(-(span.until - start) // length)
    starts = [start + index * length for index in range(number)]
    return [_bucket(span, at, at + length, index, sums) for index, at in enumerate(starts)]


def _bucket(
    span: Span, start: datetime, end: datetime, index: int, sums: "Counter[tuple[int, str]]"
) -> Bucket:
    since, until = max(start, span.since), min(end, span.until)
    return Bucket(
        since=since,
        until=until,
        issued=sums[index, Outcome.ISSUED],
        refused=sums[index, Outcome.REFUSED],
        failed=sums[index, Outcome.FAILED],
        issued_link=span.link(since=since, until=until, outcome=Outcome.ISSUED),
        refused_link=span.link(since=since, until=until, outcome=Outcome.REFUSED),
        failed_link=span.link(since=since, until=until, outcome=Outcome.FAILED),
    )


def _clients(span: Span) -> Iterator[ClientLine]:
    def of(outcome: Outcome) -> Coalesce:
        return Coalesce(Sum("requests", filter=Q(outcome=outcome)), 0)

    counted = span.counts().values("client_id").annotate(
        issued=of(Outcome.ISSUED), refused=of(Outcome.REFUSED), failed=of(Outcome.FAILED), total=Sum("requests")
    )  # fmt: skip
    for row in counted.order_by("-total", "client_id")[:MAX_LINES]:
        client_id = row["client_id"]
        yield ClientLine(
            client_id=client_id,
            issued=row["issued"],
            refused=row["refused"],
            failed=row["failed"],
            # The record cannot be asked for the requests of nobody; those are all refused.
            link=span.link(client=client_id) if client_id else span.link(outcome=Outcome.REFUSED),
            refused_link=span.link(client=client_id, outcome=Outcome.REFUSED),
        )


def _reasons(span: Span) -> Iterator[ReasonLine]:
    counted = span.counts().exclude(error="").values_list("error").annotate(total=Sum("requests"))
    for error, requests in counted.order_by("-total", "error")[:MAX_LINES]:
        yield ReasonLine(error=error, requests=requests, link=span.link(error=error))


def _networks(span: Span) -> Iterator[NetworkLine]:
    """Those whose refusals exceeded their budget and were counted, the most first."""
    flooded = RefusalCount.objects.filter(at__gte=span.since, at__lt=span.until).order_by()
    if span.issuer:
        flooded = flooded.filter(issuer=span.issuer)
    counted = flooded.values("network").annotate(
        total=Sum("refused"), errors=Count("error", distinct=True), first=Min("at"), last=Max("at")
    )
    for row in counted.order_by("-total", "network")[:MAX_LINES]:
        yield NetworkLine(
            network=row["network"],
            refused=row["total"],
            errors=row["errors"],
            first=row["first"],
            last=row["last"],
        )
