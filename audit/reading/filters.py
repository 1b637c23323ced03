"""Which rows of the record are wanted, for the console and for commands."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet, TextField, Value
from django.db.models.functions import Coalesce, Concat, StrIndex
from django.db.models.lookups import Exact, GreaterThan

from audit.models import IssuanceEvent
from audit.reading.reasons import BY_NAME
from audit.sealing.leaf import instant

COLUMNS = {
    "issuer": "issuer",
    "client": "client_id",
    "outcome": "outcome",
    "error": "error",
    "credential": "credential",
    "kid": "kid",
    "address": "ip",
}
LISTS = {"api": ("audience", "resource_requested"), "scope": ("scope", "scope_requested")}
"""What was granted, and what was asked for: names separated by spaces."""
REASON = "reason"


@dataclass(frozen=True, slots=True)
class Search:
    """A filter as pages read it: values of columns, from an instant on and until before another.

    `others` are conditions that no index serves; `name` is a jti or request ID.
    """

    equals: Mapping[str, str] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None
    name: str = ""
    others: tuple[Q, ...] = ()


@dataclass(frozen=True, slots=True)
class EventFilter:
    """A value that is None or empty does not filter. As text it is stored in an Inspection; empty: all rows."""

    since: datetime | None = None
    until: datetime | None = None
    """The first instant after the wanted range."""
    issuer: str = ""
    """The issuer's URL."""
    client: str = ""
    api: str = ""
    """An identifier: the token was for it, or the request asked for it."""
    scope: str = ""
    """One scope: it was granted, or asked for."""
    outcome: str = ""
    error: str = ""
    reason: str = ""
    """The name of one of audit.reading.reasons.REASONS."""
    credential: str = ""
    kid: str = ""
    address: str = ""
    exactly: str = ""
    """A token ID (jti) or a request ID."""

    @property
    def search(self) -> Search:
        return Search(
            equals=self._equals(),
            since=self.since,
            until=self.until,
            name=self.exactly,
            others=tuple(self._others()),
        )

    def apply(self, events: QuerySet[IssuanceEvent]) -> QuerySet[IssuanceEvent]:
        """The rows that the pages of `search` show, all of them."""
        search = self.search
        found = events.filter(*search.others, **search.equals)
        if search.since:
            found = found.filter(at__gte=search.since)
        if search.until:
            found = found.filter(at__lt=search.until)
        return found.filter(Q(jti=search.name) | Q(request_id=search.name)) if search.name else found

    def __str__(self) -> str:
        return ", ".join(f"{name} {_written(value)}" for name, value in self._asked().items())

    def _equals(self) -> dict[str, str]:
        """A reason has one error, whose index leads to its rows."""
        implied = {"error": BY_NAME[self.reason].error} if self.reason else {}
        return implied | {COLUMNS[name]: value for name, value in self._asked().items() if name in COLUMNS}

    def _others(self) -> list[Q]:
        lists = [_lists(name, value) for name, value in self._asked().items() if name in LISTS]
        return lists + _said(self.reason) if self.reason else lists

    def _asked(self) -> dict[str, Any]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value}


def _lists(name: str, value: str) -> Q:
    """One of the two columns has the value between spaces. Not by LIKE: SQLite ignores case there."""
    found = Q()
    for column in LISTS[name]:
        within = Concat(Value(" "), F(column), Value(" "), output_field=TextField())
        found |= Q(GreaterThan(StrIndex(within, Value(f" {value} ", TextField())), 0))
    return found


def _said(name: str) -> list[Q]:
    """Of another error than its own a row does not have the reason."""
    reason = BY_NAME[name]
    # Without the column's own index, which a planner without statistics might prefer.
    error = Exact(Coalesce("error", Value("")), reason.error)
    return [Q(error) & reason.condition]


def _written(value: str | datetime) -> str:
    return instant(value) if isinstance(value, datetime) else value
