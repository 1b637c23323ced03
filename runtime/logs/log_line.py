"""An ordinary line of the log, named by the Elastic Common Schema; docs/event-stream.md tells each event.

Nothing that is logged raises: what cannot be written as JSON is written as text. A library may log what a stranger
sent, so every text is masked, and a line has MAX_LINE bytes at most.
"""

import json
import logging
import math
import re
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import SuspiciousOperation

from formats.masking import masked

VERSION = "8.17.0"
OWN = "m2m_idp"
"""The prefix of what the schema has no name for."""

_NAMED = {"request_id": "http.request.id", "reason": "event.reason"}
_MAX_NESTED = 5
"""Lists and objects in one another. What lies deeper is text."""
_MAX_INTEGER = 2**63 - 1
"""The schema's integers have 64 bits."""
MAX_LINE = 8_192
"""Bytes of a line."""
_STACK_TRACE = "error.stack_trace"
_MAX_TEXTS = ((2_048, 5_120), (512, 5_120), (128, 2_048), (32, 512))
"""Bytes of a text and of a stack trace, as JSON: of these the first pair that makes a line of MAX_LINE bytes."""
_MAX_REFUSED = 512
"""Bytes of what is said of a request that Django refuses to look at: any stranger can cause such lines."""
_CREDENTIAL = re.compile(
    r"(\b(?:client_secret|client_assertion|password)=|\bBasic +|://[^/\s:@]*:(?=[^/\s]*@))[^&\s\"',@]+"
)
"""In a URL or a header that a library quotes: a parameter, basic authentication, the password of a user."""


def of_record(record: logging.LogRecord) -> dict[str, Any]:
    """The line of whatever was logged. `details` is what structlog was given beside the name of an event."""
    head = _head(at=record.created, level=record.levelname.lower(), logger=record.name)
    details = getattr(record, "event_details", None)
    content = {"message": _message(record)} if details is None else _event(str(record.msg), details)
    return head | content | _error(record)


def of_event(
    action: str, details: Mapping[str, Any], *, at: float, level: str, logger: str
) -> dict[str, Any]:
    """A line that goes past the loggers. `at` is in seconds since the epoch."""
    return _head(at=at, level=level, logger=logger) | _event(action, details)


def written(line: Mapping[str, Any]) -> str:
    """The line as JSON, its longest texts cut."""
    plain: dict[str, Any] = _plain(line, nested=0)
    text = json.dumps(plain)
    if len(text) <= _MAX_TEXTS[0][0]:
        return text
    for most, most_of_trace in _MAX_TEXTS:
        cut = {
            name: _cut(value, most=most_of_trace if name == _STACK_TRACE else most)
            for name, value in plain.items()
        }
        if len(text := json.dumps(cut)) <= MAX_LINE:
            return text
    return json.dumps({name: cut[name] for name in (*_HEAD, "message", "event.action") if name in cut})


_HEAD = ("@timestamp", "ecs.version", "log.level", "log.logger")


def _head(*, at: float, level: str, logger: str) -> dict[str, Any]:
    return {
        "@timestamp": datetime.fromtimestamp(at, tz=UTC).isoformat(),
        "ecs.version": VERSION,
        "log.level": level,
        "log.logger": logger,
    }


def _event(action: str, details: Mapping[str, Any]) -> dict[str, Any]:
    """`message` is for people: the name of the event, and why it is logged or what to do."""
    why = details.get("reason") or details.get("advice")
    fields = {_NAMED.get(name, f"{OWN}.{name}"): value for name, value in details.items()}
    return {"message": f"{action}: {_text(why)}" if why else action, "event.action": action, **fields}


def _message(record: logging.LogRecord) -> str:
    try:
        message = record.getMessage()
    except Exception:
        # Its arguments do not fit its text.
        message = f"{_text(record.msg)} {_text(record.args)}"
    return _shortened(_text(message), most=_MAX_REFUSED) if _is_refused_request(record) else message


def _is_refused_request(record: logging.LogRecord) -> bool:
    """Django's line for a Host that is not served, an Origin of others, a body that is too large and the like."""
    error = record.exc_info and record.exc_info[1]
    return record.name.startswith("django.security.") or isinstance(error, SuspiciousOperation)


def _error(record: logging.LogRecord) -> dict[str, Any]:
    """With the traceback, of which each line but the last is a place in the code or the code itself.

    A request that is refused is no error of the code: its line has neither.
    """
    error = record.exc_info and record.exc_info[1]
    if not error:
        return {}
    if _is_refused_request(record):
        return {"error.type": type(error).__name__}
    parts = (_shortened(_text(part), most=_MAX_TEXTS[0][0]) for part in traceback.format_exception(error))
    return {
        "error.type": type(error).__name__,
        "error.message": _text(error),
        _STACK_TRACE: "".join(parts),
    }


def _plain(value: Any, *, nested: int) -> Any:
    """The value as JSON can hold it, and a reader of it take it in."""
    if value is None or isinstance(value, bool) or _is_number(value):
        return value
    if isinstance(value, Mapping) and nested < _MAX_NESTED:
        return {_text(name): _plain(member, nested=nested + 1) for name, member in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and nested < _MAX_NESTED:
        return [_plain(member, nested=nested + 1) for member in value]
    return _text(value)


def _is_number(value: Any) -> bool:
    """NaN and the infinities are none in JSON."""
    if isinstance(value, int):
        return abs(value) <= _MAX_INTEGER
    return isinstance(value, float) and math.isfinite(value)


def _cut(value: Any, *, most: int) -> Any:
    """A text of so many bytes at most; lists and objects of more become one."""
    if isinstance(value, str):
        return _shortened(value, most=most)
    if isinstance(value, dict | list) and len(text := json.dumps(value)) > most:
        return _shortened(text, most=most)
    return value


def _shortened(text: str, *, most: int) -> str:
    """Its beginning and its end, which as JSON have `most` bytes at most, and how many characters it had."""
    if len(text) <= most and len(json.dumps(text)) <= most:
        return text
    kept, shown = most, text
    while kept and len(json.dumps(shown)) > most:
        kept = kept * 3 // 4
        head, tail = text[: kept - kept // 2], text[len(text) - kept // 2 :]
        shown = f"{head} [... of {len(text)} characters ...] {tail}"
    return shown


def _text(value: Any) -> str:
    """Half a surrogate pair and a byte that is no UTF-8 are written as escapes; secrets and tokens are masked."""
    try:
        if isinstance(value, bytes):
            value = value.decode(errors="backslashreplace")
        return _masked(str(value).encode(errors="backslashreplace").decode())
    except Exception:
        return f"({type(value).__name__}, which has no text)"


def _masked(text: str) -> str:
    return _CREDENTIAL.sub(r"\1[credential]", masked(text))
