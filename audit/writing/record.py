"""Writing the record: the row is committed before anything is answered."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from django.db import Error as DatabaseFailure
from django.db import connection, transaction

from audit import ecs
from audit.models import Outcome, Trace
from audit.writing.entry import Entry
from audit.writing.failover import leave_if_read_only
from audit.writing.group_commit import GroupCommit, Written, committed
from audit.writing.insertion import Row, insertion, refuse_lost_files
from audit.writing.record_health import RECORD_HEALTH, reason_of
from formats.masking import cleaned, cleaned_json
from runtime.logs.log import write_event, write_events
from runtime.main_loop import is_in_transaction, refuse_to_wait
from runtime.slots import DATABASE

MAX_TRACE_BYTES = 16_384

log = structlog.get_logger("audit")


class NotRecordedError(Exception):
    """The row could not be committed, or nobody knows whether it was: there must be no token."""


def _log_rows(written: Written) -> None:
    write_events([ecs.of_request(event_id, _known(row)) for event_id, row in written])


ROWS = GroupCommit(committed, log=_log_rows)
"""Those of this process. A server starts it; a command, which has not, commits each row by itself."""


def record(entry: Entry, *, beside: Callable[[], None] | None = None) -> int:
    """Commit the row, and the trace if there is one, and log it. Returns the row's id. Raises NotRecordedError.

    `beside` writes what must commit with the row or not at all; what it raises is raised here, and nothing is written.
    """
    if is_in_transaction():
        raise RuntimeError("The record is committed before the answer: call it outside of any transaction.")
    row = insertion(connection.vendor).row_of(entry)
    is_alone = entry.trace is None and beside is None
    try:
        event_id = ROWS.commit(row) if is_alone and ROWS.is_started else _committed(row, entry, beside)
    except DatabaseFailure as error:
        RECORD_HEALTH.failed(reason_of(error))
        log.error("not_recorded", request_id=entry.request_id, reason=cleaned(str(error)))  # noqa: TRY400 - one line
        raise NotRecordedError(str(error)) from error
    RECORD_HEALTH.succeeded()
    entry.is_issued = row["outcome"] == Outcome.ISSUED
    return event_id


def _committed(row: Row, entry: Entry, beside: Callable[[], None] | None) -> int:
    """By this thread's own connection."""
    refuse_to_wait()
    refuse_lost_files()
    try:
        with DATABASE.slot():
            event_id = _inserted(row, entry, beside)
    except DatabaseFailure as error:
        leave_if_read_only(connection, error)
        raise
    _log_rows([(event_id, row)])
    return event_id


def _inserted(row: Row, entry: Entry, beside: Callable[[], None] | None) -> int:
    insert = insertion(connection.vendor).insert
    if entry.trace is None and beside is None:
        return insert(row)
    with transaction.atomic():
        if beside is not None:
            beside()
        event_id = insert(row)
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


def _known(row: Row) -> dict[str, Any]:
    """What is known of a row, instants as text."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
        if value not in ("", None)
    }
