"""Which rows of the record are wanted, for the console and for commands."""

from dataclasses import dataclass, fields
from datetime import datetime

from django.db.models import Q, QuerySet

from audit.models import IssuanceEvent
from audit.sealing.leaf import instant

LOOKUPS = {
    "since": "at__gte",
    "until": "at__lt",
    "issuer": "issuer",
    "client": "client_id",
    "outcome": "outcome",
    "error": "error",
    "credential": "credential",
    "kid": "kid",
    "address": "ip",
}


@dataclass(frozen=True, slots=True)
class EventFilter:
    """A value that is None or empty does not filter. As text it is stored in an Inspection; empty: all rows."""

    since: datetime | None = None
    until: datetime | None = None
    """The first instant after the wanted range."""
    issuer: str = ""
    """The issuer's URL."""
    client: str = ""
    outcome: str = ""
    error: str = ""
    credential: str = ""
    kid: str = ""
    address: str = ""
    exactly: str = ""
    """A token ID (jti) or a request ID."""

    def apply(self, events: QuerySet[IssuanceEvent]) -> QuerySet[IssuanceEvent]:
        asked = self._asked()
        exactly = asked.pop("exactly", "")
        event_filter = events.filter(**{LOOKUPS[name]: value for name, value in asked.items()})
        return event_filter.filter(Q(jti=exactly) | Q(request_id=exactly)) if exactly else event_filter

    def __str__(self) -> str:
        return ", ".join(f"{name} {_written(value)}" for name, value in self._asked().items())

    def _asked(self) -> dict[str, str | datetime]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value}


def _written(value: str | datetime) -> str:
    return instant(value) if isinstance(value, datetime) else value
