"""Exporting the record in one of two forms, and recording that it was exported.

Two rows of audit.Inspection record an export. The first, `begun`, is committed before the first byte leaves: nobody who
kills the process or the database later can have exported anything unseen. The second says how it ended and how many
rows left; where it is missing, the process was killed, and any number may have left.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Self

from django.utils import timezone

from audit.exporting import csv_export, ndjson_export
from audit.exporting.exported_rows import ExportedRows
from audit.models import Inspection
from audit.reading.filters import EventFilter
from audit.writing.inspections import inspected
from issuers.versioning.history import authored, current_actor, current_source

NDJSON, CSV = "ndjson", "csv"
FORMS = {NDJSON: ndjson_export.lines, CSV: csv_export.lines}
BLOCK = 65_536
"""Characters of a block; the last line may exceed it."""


class Export:
    """An iterator of blocks of text. It keeps the actor who began it, also where it ends in another context."""

    def __init__(
        self,
        event_filter: EventFilter,
        *,
        form: str,
        name: str = "",
        clock: Callable[[], datetime] = timezone.now,
    ) -> None:
        """`name`: what the inspections call it, unless it is the form."""
        self._clock, self._event_filter, self._name = clock, event_filter, name or form
        self._actor, self._source = current_actor(), current_source()
        self.rows = ExportedRows(event_filter)
        self._blocks = _blocks(FORMS[form](self.rows, event_filter=event_filter, now=clock()))
        self._has_ended = False
        self._write_down("begun")

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        try:
            return next(self._blocks)
        except StopIteration:
            self._end("complete")
            raise
        except Exception as error:
            self._end(f"failed: {type(error).__name__}")
            raise

    def close(self) -> None:
        """Does nothing when the export has ended already."""
        self._end("broken off")

    def _end(self, result: str) -> None:
        if self._has_ended:
            return
        self._has_ended = True
        with authored(actor=self._actor, source=self._source):
            self._write_down(result)

    def _write_down(self, result: str) -> None:
        inspected(
            act=Inspection.Act.EXPORT,
            now=self._clock(),
            rows=self.rows.given,
            event_filter=str(self._event_filter),
            result=f"{self._name}: {result}",
        )


def _blocks(lines: Iterator[str]) -> Iterator[str]:
    block, length = [], 0
    for line in lines:
        block.append(line)
        length += len(line)
        if length >= BLOCK:
            yield "".join(block)
            block, length = [], 0
    if block:
        yield "".join(block)
