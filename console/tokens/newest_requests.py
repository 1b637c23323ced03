"""The newest requests of a client or of a credential, read from one index in milliseconds, however many there are."""

from dataclasses import dataclass
from datetime import datetime

from audit.models import Outcome
from audit.reading.index_ranges import IndexRange
from audit.reading.positions import LAST, Position


@dataclass(frozen=True, slots=True)
class NewestRequest:
    at: datetime
    outcome: str
    expires_at: datetime | None

    @property
    def is_issued(self) -> bool:
        return self.outcome == Outcome.ISSUED


@dataclass(frozen=True, slots=True)
class NewestRequests:
    """The newest first. `is_capped`: there are older ones since the instant that was asked for."""

    requests: tuple[NewestRequest, ...]
    is_capped: bool

    @property
    def issued(self) -> list[NewestRequest]:
        return [request for request in self.requests if request.is_issued]


def newest_requests(column: str, value: str, *, issuer: str, since: datetime, most: int) -> NewestRequests:
    """Of the newest `most` rows with this value of an indexed column those of the issuer.

    They are sorted out here: asked for other columns as well, a planner may walk another index.
    """
    rows = IndexRange(
        column=column, value=value, first=Position(at=since, id=0), last=LAST, backwards=True
    ).walked()
    columns = ("at", column, "issuer", "outcome", "expires_at")
    found = [row for row in rows.values_list(*columns)[: most + 1] if row[0] >= since and row[1] == value]
    return NewestRequests(
        requests=tuple(
            NewestRequest(at, outcome, expires_at)
            for at, _, of, outcome, expires_at in found[:most]
            if of == issuer
        ),
        is_capped=len(found) > most,
    )
