"""Writing the record: the row is committed before anything is answered.

The INSERT is compiled once from the model's own fields: the ORM's `create` costs three times as much.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import structlog
from django.db import Error as DatabaseFailure
from django.db import connection, models, transaction

from audit import ecs
from audit.models import IssuanceEvent, Outcome, Trace
from audit.writing import durability
from audit.writing.entry import Entry
from audit.writing.failover import leave_if_read_only
from audit.writing.record_health import RECORD_HEALTH, reason_of
from formats.masking import cleaned, cleaned_json
from runtime.logs.log import write_event
from runtime.slots import DATABASE

MAX_TRACE_BYTES = 16_384

log = structlog.get_logger("audit")


class NotRecordedError(Exception):
    """The row could not be committed, or nobody knows whether it was: there must be no token."""


def record(entry: Entry, *, beside: Callable[[], None] | None = None) -> int:
    """Commit the row, and the trace if there is one, and log it. Returns the row's id. Raises NotRecordedError.

    `beside` writes what must commit with the row or not at all; what it raises is raised here, and nothing is written.
    """
    if connection.in_atomic_block:
        raise RuntimeError("The record is committed before the answer: call it outside of any transaction.")
    insert = _compiled(connection.vendor)
    row = insert.row_of(entry)
    _refuse_lost_files(entry.request_id)
    try:
        with DATABASE.slot():
            event_id = _inserted(insert, row, entry, beside)
    except DatabaseFailure as error:
        RECORD_HEALTH.failed(reason_of(error))
        leave_if_read_only(connection, error)
        log.error("not_recorded", request_id=entry.request_id, reason=cleaned(str(error)))  # noqa: TRY400 - one line
        raise NotRecordedError(str(error)) from error
    RECORD_HEALTH.succeeded()
    entry.is_issued = row["outcome"] == Outcome.ISSUED
    write_event(ecs.of_request(event_id, _known(row)))
    return event_id


def _refuse_lost_files(request_id: str) -> None:
    """Raises NotRecordedError."""
    lost = durability.lost_file(connection)
    if lost is None:
        return
    durability.save_rows(connection)
    connection.close()
    RECORD_HEALTH.failed(lost)
    log.error("not_recorded", request_id=request_id, reason=lost)
    raise NotRecordedError(lost)


def _inserted(insert: "_Insert", row: dict[str, Any], entry: Entry, beside: Callable[[], None] | None) -> int:
    if entry.trace is None and beside is None:
        return insert.execute(row)
    with transaction.atomic():
        if beside is not None:
            beside()
        event_id = insert.execute(row)
        content = _trace(event_id, entry)
    if content is not None:
        at = entry.at.isoformat()
        write_event(ecs.of_trace(event_id, at=at, request_id=entry.request_id, content=content))
    return event_id


def _trace(event_id: int, entry: Entry) -> dict[str, Any] | None:
    if entry.trace is None:
        return None
    steps = [[step, _known(found)] for step, found in entry.steps]
    content = _fitting(cleaned_json({"steps": steps, **entry.trace}))
    Trace.objects.create(event_id=event_id, content=content)
    return content


def _fitting(content: dict[str, Any]) -> dict[str, Any]:
    """The trace, its largest parts left out until it has at most MAX_TRACE_BYTES."""
    while len(json.dumps(content)) > MAX_TRACE_BYTES:
        largest = max(content, key=lambda name: len(json.dumps(content[name])))
        content = content | {largest: "left out: too large"}
    return content


def _known(row: dict[str, Any]) -> dict[str, Any]:
    """What is known of a row, instants as text."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
        if value not in ("", None)
    }


@dataclass(frozen=True, slots=True)
class _Insert:
    """The INSERT statement of one kind of database, and how a row becomes its parameters."""

    sql: str
    returns_id: bool
    columns: tuple[tuple[str, Callable[[Any], Any]], ...]
    adapt_instant: Callable[[datetime | None], Any]

    def row_of(self, entry: Entry) -> dict[str, Any]:
        """Every column's value as it will be stored."""
        noted = {"at": entry.at, "request_id": entry.request_id, **entry.columns}
        return {name: fit(noted.get(name)) for name, fit in self.columns}

    def execute(self, row: dict[str, Any]) -> int:
        adapt = self.adapt_instant
        parameters = [adapt(value) if isinstance(value, datetime) else value for value in row.values()]
        with connection.cursor() as cursor:
            cursor.execute(self.sql, parameters)
            return int(cursor.fetchone()[0] if self.returns_id else cursor.lastrowid)


@cache
def _compiled(vendor: str) -> _Insert:
    fields = [column for column in IssuanceEvent._meta.concrete_fields if not column.primary_key]
    quote: Callable[[Any], str] = connection.ops.quote_name
    names = ", ".join(quote(column.column) for column in fields)
    values = ", ".join(["%s"] * len(fields))
    returns_id = vendor == "postgresql"
    return _Insert(
        sql=f"INSERT INTO {quote(IssuanceEvent._meta.db_table)} ({names}) VALUES ({values})"  # noqa: S608
        + (" RETURNING id" if returns_id else ""),
        returns_id=returns_id,
        columns=tuple((column.name, _fit(column)) for column in fields),
        adapt_instant=connection.ops.adapt_datetimefield_value,
    )


def _fit(column: "models.Field[Any, Any]") -> Callable[[Any], Any]:
    """A text is cleaned, then cut to the column; what is not known is the column's default."""
    default = column.get_default()
    if not isinstance(column, models.CharField):
        return lambda value: default if value is None else value
    length = column.max_length
    return lambda value: cleaned(str(value))[:length] if value else default
