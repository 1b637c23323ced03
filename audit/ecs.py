"""The lines of the record's rows, named by the Elastic Common Schema; docs/event-stream.md shows the same table."""

from collections.abc import Mapping
from typing import Any

from audit.log_line import OWN, VERSION
from audit.models import IssuanceEvent, Outcome

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


def of_request(event_id: int, row: Mapping[str, Any]) -> dict[str, Any]:
    """The line of a row of the record; `row` holds what is known, by column."""
    return {
        **{FIELDS[column]: value for column, value in row.items()},
        **_REQUEST,
        **_BY_OUTCOME[row["outcome"]],
        "event.id": str(event_id),
    }


def of_trace(event_id: int, *, at: str, request_id: str, content: Mapping[str, Any]) -> dict[str, Any]:
    told = {
        "@timestamp": at,
        "event.id": str(event_id),
        "http.request.id": request_id,
        f"{OWN}.trace": content,
    }
    return told | _TRACE
