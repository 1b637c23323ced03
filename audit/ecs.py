"""The lines of the record's rows and of operational events, named by the Elastic Common Schema.

docs/event-stream.md shows the same tables.
"""

from collections.abc import Mapping
from typing import Any

from audit.models import IssuanceEvent, OperationalEvent, Outcome
from audit.sealing.leaf import instant
from runtime.logs.log_line import OWN, VERSION

_NAMED = {
    "at": "@timestamp",
    "request_id": "http.request.id",
    "http_status": "http.response.status_code",
    "error": "error.code",
    "detail": "event.reason",
    "ip": "source.ip",
    "user_agent": "user_agent.original",
    "actor": "user.name",
}
FIELDS = {
    column.name: _NAMED.get(column.name, f"{OWN}.{column.name}")
    for column in IssuanceEvent._meta.concrete_fields
    if not column.primary_key
}
"""The name in the stream of each column of the record."""

KIND = {"ecs.version": VERSION, "log.level": "info", "log.logger": "audit", "event.kind": "event"}
_REQUEST = KIND | {"event.action": "token_request", "event.category": ["api", "authentication"]}
_BY_OUTCOME = {
    Outcome.ISSUED: {"event.outcome": "success", "event.type": ["access", "allowed"]},
    Outcome.REFUSED: {"event.outcome": "failure", "event.type": ["access", "denied"]},
    Outcome.FAILED: {"event.outcome": "failure", "event.type": ["access", "denied"]},
}
_TRACE = KIND | {
    "event.action": "token_request_trace",
    "event.category": ["api", "authentication"],
    "event.type": ["info"],
}

_NAMED_ACTS = {
    "at": "@timestamp",
    "kind": "event.action",
    "actor": "user.name",
    "source": f"{OWN}.channel",
    "address": "source.ip",
    "detail": "event.reason",
}
ACT_FIELDS = {
    column.name: _NAMED_ACTS.get(column.name, f"{OWN}.{column.name}")
    for column in OperationalEvent._meta.concrete_fields
    if not column.primary_key and column.name != "statement"
}
"""The name in the stream of each column of an operational event."""

_ACTS = {
    OperationalEvent.Kind.SIGN_IN: ("authentication", "start", "success"),
    OperationalEvent.Kind.SIGN_IN_FAILED: ("authentication", "start", "failure"),
    OperationalEvent.Kind.SIGN_OUT: ("authentication", "end", "success"),
    OperationalEvent.Kind.ACCOUNT_CHANGED: ("iam", "change", "success"),
    OperationalEvent.Kind.STARTED: ("process", "start", "success"),
    OperationalEvent.Kind.STOPPED: ("process", "end", "success"),
    OperationalEvent.Kind.GAP: ("process", "info", "failure"),
    OperationalEvent.Kind.FINDING_ACKNOWLEDGED: ("configuration", "info", "success"),
    OperationalEvent.Kind.TRIGGERS_INSTALLED: ("configuration", "change", "success"),
    OperationalEvent.Kind.SECRET_LOOKED_UP: ("iam", "info", "success"),
}
"""Category, type and outcome."""


def of_act(row: OperationalEvent) -> dict[str, Any]:
    """The line of an operational event."""
    category, what, outcome = _ACTS[OperationalEvent.Kind(row.kind)]
    columns = {name: getattr(row, column) for column, name in ACT_FIELDS.items()}
    return {
        **{name: value for name, value in columns.items() if value != ""},
        **KIND,
        "@timestamp": instant(row.at),
        "event.category": [category],
        "event.type": [what],
        "event.outcome": outcome,
        "event.id": str(row.pk),
    }


def of_request(event_id: int, row: Mapping[str, Any]) -> dict[str, Any]:
    """The line of a row of the record; `row` holds what is known, by column."""
    return {
        **{FIELDS[column]: value for column, value in row.items()},
        **_REQUEST,
        **_BY_OUTCOME[row["outcome"]],
        "event.id": str(event_id),
    }


def of_trace(event_id: int, *, at: str, request_id: str, content: Mapping[str, Any]) -> dict[str, Any]:
    fields = {
        "@timestamp": at,
        "event.id": str(event_id),
        "http.request.id": request_id,
        f"{OWN}.trace": content,
    }
    return fields | _TRACE
