"""The record as CSV (RFC 4180) for spreadsheets: no cell is a formula."""

import csv
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from audit.models import IssuanceEvent

COLUMNS = tuple(field.name for field in IssuanceEvent._meta.concrete_fields)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


class _Echo:
    """A file that gives back what is written."""

    def write(self, text: str) -> str:
        return text


def lines(events: Iterable[IssuanceEvent]) -> Iterator[str]:
    """A line of names, then a line for each event."""
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    for event in events:
        yield writer.writerow([neutralised(getattr(event, column)) for column in COLUMNS])


def neutralised(value: Any) -> str:
    """The value as a cell. What a spreadsheet would take for a formula gets an apostrophe before it."""
    if value is None:
        return ""
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
