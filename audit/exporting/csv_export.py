"""The record as CSV (RFC 4180) for spreadsheets: no cell is a formula.

A leaf hash shows whether two files have the same row; the proofs are in the JSON lines (ndjson_export.py).
"""

import csv
import unicodedata
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from audit.exporting.exported_rows import ExportedRow, ExportedRows
from audit.models import IssuanceEvent
from audit.reading.filters import EventFilter
from audit.sealing.leaf import hash_of

COLUMNS = tuple(field.attname for field in IssuanceEvent._meta.concrete_fields)
SEAL_COLUMNS = ("checkpoint", "leaf_hash")
FORMULA_STARTS = ("=", "+", "-", "@")
"""Each in every width: a spreadsheet of East Asia reads U+FF1D as an equals sign."""
LAYOUT_STARTS = ("\t", "\r", "\n")


class _Echo:
    """A file whose `write` returns what is written."""

    def write(self, text: str) -> str:
        return text


def lines(rows: ExportedRows, *, event_filter: EventFilter, now: datetime) -> Iterator[str]:
    """A line of names, then one for each row. `checkpoint` is empty where the row is not sealed."""
    writer = csv.writer(_Echo())
    yield writer.writerow([*COLUMNS, *SEAL_COLUMNS])
    for row in rows:
        yield writer.writerow([neutralised(cell) for cell in _cells(row)])


def _cells(row: ExportedRow) -> list[Any]:
    number, cells = row.seal.checkpoint.number if row.seal else None, row.cells
    return [*(cells.get(column) for column in COLUMNS), number, hash_of(row.members).hex()]


def neutralised(value: Any) -> str:
    """The value as a cell. What a spreadsheet would take for a formula gets an apostrophe before it."""
    if value is None:
        return ""
    text = str(value)
    return f"'{text}" if text.startswith(LAYOUT_STARTS) or _begins_a_formula(text) else text


def _begins_a_formula(text: str) -> bool:
    """Whether the first visible character begins a formula: spreadsheets remove what is before it."""
    first = next((letter for letter in text if letter.isprintable() and not letter.isspace()), "")
    return unicodedata.normalize("NFKC", first).startswith(FORMULA_STARTS)
