"""An ordinary line of the log, named by the Elastic Common Schema; docs/event-stream.md tells each event.

Nothing that is logged raises: what cannot be told as JSON is told as text.
"""

import json
import logging
import math
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

VERSION = "8.17.0"
OWN = "m2m_idp"
"""The prefix of what the schema has no name for."""

_NAMED = {"request_id": "http.request.id", "reason": "event.reason"}
_MOST_NESTED = 5
"""Lists and objects in one another. What lies deeper is text."""
_LARGEST = 2**63 - 1
"""The schema's integers have 64 bits."""


def of_record(record: logging.LogRecord) -> dict[str, Any]:
    """The line of whatever was logged. `told` is what structlog was given beside the name of an event."""
    head = _head(at=record.created, level=record.levelname.lower(), logger=record.name)
    told = getattr(record, "told", None)
    content = {"message": _message(record)} if told is None else _event(str(record.msg), told)
    return head | content | _error(record)


def of_event(action: str, told: Mapping[str, Any], *, at: float, level: str, logger: str) -> dict[str, Any]:
    """A line that goes past the loggers. `at` is in seconds since the epoch."""
    return _head(at=at, level=level, logger=logger) | _event(action, told)


def written(line: Mapping[str, Any]) -> str:
    return json.dumps(_plain(line, nested=0))


def _head(*, at: float, level: str, logger: str) -> dict[str, Any]:
    return {
        "@timestamp": datetime.fromtimestamp(at, tz=UTC).isoformat(),
        "ecs.version": VERSION,
        "log.level": level,
        "log.logger": logger,
    }


def _event(action: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """`message` is for people: the name of the event, and why it is told or what to do."""
    why = told.get("reason") or told.get("advice")
    fields = {_NAMED.get(name, f"{OWN}.{name}"): value for name, value in told.items()}
    return {"message": f"{action}: {_text(why)}" if why else action, "event.action": action, **fields}


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:
        # Its arguments do not fit its text.
        return f"{_text(record.msg)} {_text(record.args)}"


def _error(record: logging.LogRecord) -> dict[str, Any]:
    """With the traceback, of which each line but the last is a place in the code or the code itself."""
    error = record.exc_info and record.exc_info[1]
    if not error:
        return {}
    return {
        "error.type": type(error).__name__,
        "error.message": _text(error),
        "error.stack_trace": "".join(traceback.format_exception(error)),
    }


def _plain(value: Any, *, nested: int) -> Any:
    """The value as JSON can hold it, and a reader of it take it in."""
    if value is None or isinstance(value, bool) or _is_number(value):
        return value
    if isinstance(value, Mapping) and nested < _MOST_NESTED:
        return {_text(name): _plain(member, nested=nested + 1) for name, member in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and nested < _MOST_NESTED:
        return [_plain(member, nested=nested + 1) for member in value]
    return _text(value)


def _is_number(value: Any) -> bool:
    """NaN and the infinities are none in JSON."""
    if isinstance(value, int):
        return abs(value) <= _LARGEST
    return isinstance(value, float) and math.isfinite(value)


def _text(value: Any) -> str:
    """Half a surrogate pair and a byte that is no UTF-8 are written as escapes."""
    try:
        if isinstance(value, bytes):
            return value.decode(errors="backslashreplace")
        return str(value).encode(errors="backslashreplace").decode()
    except Exception:
        return f"({type(value).__name__}, which has no text)"
