"""Equal requests as one: a busy client has hundreds an hour."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from audit.models import IssuanceEvent

COLUMNS = ("id", "at", "outcome", "error", "credential", "ip", "is_test")


@dataclass(slots=True)
class Run:
    """Requests of one hour with one outcome, error and credential, between two changes of the configuration."""

    outcome: str
    error: str
    credential: str
    is_test: bool
    first: datetime
    last: datetime
    requests: int = 0
    addresses: set[str] = field(default_factory=set)

    def add(self, event: IssuanceEvent) -> None:
        self.requests += 1
        self.first = min(self.first, event.at)
        if event.ip:
            self.addresses.add(event.ip)


def runs(events: Iterable[IssuanceEvent], changed: Iterable[datetime] = ()) -> list[Run]:
    """`events` and the instants of changes newest first; the runs by their last request, newest first."""
    changes, passed = list(changed), 0
    found: dict[tuple[object, ...], Run] = {}
    for event in events:
        while passed < len(changes) and changes[passed] > event.at:
            passed += 1
        said = (event.outcome, event.error, event.credential, event.is_test)
        key = (passed, event.at.replace(minute=0, second=0, microsecond=0), *said)
        found.setdefault(key, Run(*said, first=event.at, last=event.at)).add(event)
    return list(found.values())
