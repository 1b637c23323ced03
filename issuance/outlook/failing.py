"""Clients that began to be refused: they got tokens lately, and in the last hour nothing but refusals.

The hourly counts say who got tokens; the newest refusals of the record say who gets none. Both are read through their
indexes, and no more than MAX_REFUSALS rows.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, QuerySet, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact

from audit.models import HourlyCount, IssuanceEvent, Outcome
from audit.reading.index_ranges import IndexRange
from audit.reading.positions import LAST, Position
from relying_parties.models import RelyingParty

HOUR = timedelta(hours=1)
LATELY = timedelta(days=7)
"""A client that got its last token longer ago does not begin to be refused now."""
MAX_REFUSALS = 2_000
MAX_NAMES = 200
"""Of those that are refused most: they may be a stranger's, each another."""

Name = tuple[str, str]
"""The issuer's URL and the client ID."""


@dataclass(frozen=True, slots=True)
class Failing:
    """`last_token` is the start of the hour of its last token."""

    relying_party: RelyingParty
    refused: int
    reason: str
    """The most frequent one, as the record has it; for the console alone."""
    error: str
    """Its error code, which the client saw."""
    is_proven: bool
    """Whether any of the requests proved that it came from the client."""
    last_token: datetime


@dataclass(slots=True)
class _Refusals:
    """Of one name. `reasons` counts pairs of error code and detail."""

    reasons: Counter[tuple[str, str]]
    proven: int = 0


def failing_clients(now: datetime) -> Iterator[Failing]:
    """Enabled ones, the most refused first. Each costs a look at the record, so take no more than are wanted."""
    refusals = _refusals(now - HOUR)
    most = sorted(refusals, key=lambda name: -refusals[name].reasons.total())[:MAX_NAMES]
    named = _registered(most)
    last_tokens = _last_tokens(named, now=now)
    for name in most:
        if name in named and name in last_tokens and not _got_token(name, since=now - HOUR):
            yield _failing(named[name], refusals[name], last_tokens[name])


def _refusals(since: datetime) -> dict[Name, _Refusals]:
    newest = _newest("outcome", Outcome.REFUSED, since=since)
    columns = ("at", "issuer", "client_id", "credential", "detail", "error", "is_test")
    found: dict[Name, _Refusals] = {}
    for at, issuer, client_id, credential, detail, error, is_test in newest.values_list(*columns):
        if at < since:
            break
        if client_id and not is_test:
            of_client = found.setdefault((issuer, client_id), _Refusals(Counter()))
            of_client.reasons[error, detail] += 1
            of_client.proven += bool(credential)
    return found


def _newest(column: str, value: str, *, since: datetime) -> QuerySet[IssuanceEvent]:
    """At most MAX_REFUSALS rows, the newest first; the last ones may be older than `since`."""
    first = Position(at=since, id=0)
    return IndexRange(column=column, value=value, first=first, last=LAST, backwards=True).walked()[
        :MAX_REFUSALS
    ]


def _registered(names: Iterable[Name]) -> dict[Name, RelyingParty]:
    client_ids = {client_id for _, client_id in names}
    rows = RelyingParty.objects.filter(client_id__in=client_ids, is_active=True, issuer__is_active=True)
    return {(row.issuer.url, row.client_id): row for row in rows.select_related("issuer")}


def _last_tokens(names: Iterable[Name], *, now: datetime) -> dict[Name, datetime]:
    """Of those that got one lately: the hour of the last one."""
    counted = HourlyCount.objects.filter(
        client_id__in={client_id for _, client_id in names},
        hour__gte=now - LATELY,
        outcome=Outcome.ISSUED,
    )
    hours = counted.order_by().values_list("issuer", "client_id").annotate(newest=Max("hour"))
    return {(issuer, client_id): hour for issuer, client_id, hour in hours}


def _got_token(name: Name, *, since: datetime) -> bool:
    """Asked of the record itself: what is not sealed yet is not counted."""
    issuer, client_id = name
    looked_at = _newest("client_id", client_id, since=since).values("pk")
    # Without the columns' own indexes, which a planner without statistics might prefer.
    like = [
        Exact(Coalesce(column, Value("")), value)
        for column, value in (("issuer", issuer), ("outcome", Outcome.ISSUED.value))
    ]
    return IssuanceEvent.objects.filter(*like, pk__in=looked_at, at__gte=since).exists()


def _failing(relying_party: RelyingParty, refusals: _Refusals, last_token: datetime) -> Failing:
    ((error, detail), _), *_ = refusals.reasons.most_common(1)
    return Failing(
        relying_party=relying_party,
        refused=refusals.reasons.total(),
        reason=detail or error,
        error=error,
        is_proven=refusals.proven > 0,
        last_token=last_token,
    )
