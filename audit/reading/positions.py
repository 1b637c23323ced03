"""The position of a row in the order of the record's pages: its instant, then its id."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from audit.models import IssuanceEvent

EPOCH = datetime.fromtimestamp(0, tz=UTC)
MAX_NUMBER_LENGTH = 18
"""Digits: a number with at most so many fits both databases."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    at: datetime
    id: int

    def __str__(self) -> str:
        """For a URL: microseconds since 1970, a hyphen, the id."""
        return f"{(self.at - EPOCH) // timedelta(microseconds=1)}-{self.id}"

    @classmethod
    def parse(cls, text: str | None) -> "Position | None":
        """None for a text that is not a position."""
        instant, _, number = (text or "").partition("-")
        if not (_is_number(instant) and _is_number(number)):
            return None
        try:
            return cls(at=EPOCH + timedelta(microseconds=int(instant)), id=int(number))
        except OverflowError:
            return None

    @classmethod
    def of(cls, event: IssuanceEvent) -> "Position":
        return cls(at=event.at, id=event.pk)

    @property
    def before(self) -> "Position":
        return Position(at=self.at, id=self.id - 1)

    @property
    def after(self) -> "Position":
        return Position(at=self.at, id=self.id + 1)


FIRST = Position(at=EPOCH, id=0)
LAST = Position(at=datetime(9999, 12, 31, tzinfo=UTC), id=0)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= MAX_NUMBER_LENGTH
