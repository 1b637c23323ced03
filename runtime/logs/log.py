"""One JSON line per event on standard output, whatever the input."""

import json
import logging
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

import orjson
import structlog

from runtime.logs.log_line import of_record, written
from runtime.logs.output import write_line, write_lines


def write_event(line: Mapping[str, Any]) -> None:
    """Write a line of the event stream. It goes past the loggers, which cost ten times as much."""
    write_line(json.dumps(line, default=str))


def write_events(lines: Iterable[Mapping[str, Any]]) -> None:
    """Those of rows of the record at once."""
    write_lines(map(_written, lines))


def _written(line: Mapping[str, Any]) -> bytes:
    """In ASCII: a reader of lines takes other separators for ends."""
    text = orjson.dumps(line)
    return text if text.isascii() else json.dumps(line).encode()


class Handler(logging.Handler):
    """What is logged goes the way of the event stream."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            write_line(self.format(record))
        except Exception:
            self.handleError(record)


class Formatter(logging.Formatter):
    """Renders structlog's events and ordinary records alike; a newline inside a value is escaped."""

    def format(self, record: logging.LogRecord) -> str:
        return written(of_record(record))


def _as_arguments(_logger: Any, _method: str, details: MutableMapping[str, Any]) -> dict[str, Any]:
    """Of the logger's method; it looks up the exception, and the record keeps what was given."""
    return {
        "msg": details.pop("event"),
        "exc_info": details.pop("exc_info", None),
        "extra": {"event_details": details},
    }


structlog.configure(
    processors=[_as_arguments],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)
