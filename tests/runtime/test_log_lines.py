"""Every ordinary line is JSON in the words of the Elastic Common Schema; docs/event-stream.md knows each event."""

import ast
import io
import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import structlog
from _pytest.logging import LogCaptureHandler
from django.conf import settings

from runtime.logs import output
from runtime.logs.log import Formatter
from runtime.logs.log_line import OWN, VERSION
from tests.runtime.test_event_stream import NAME, section
from tests.support import wire

ROOMS = (
    "m2m_idp",
    "console",
    "configuration",
    "upkeep",
    "issuance",
    "relying_parties",
    "keys",
    "audit",
    "issuers",
    "runtime",
    "formats",
)
LEVELS = ("debug", "info", "warning", "error", "exception", "critical")
ROW = re.compile(r"^\| (`\w+`) \| (.*?) \| (.*?) \| (.+) \|$", re.MULTILINE)
NAMED = {"reason": "event.reason", "request_id": "http.request.id", "exc_info": "error.*"}

log = structlog.get_logger("tests")


@dataclass(slots=True)
class Unreadable:
    def __str__(self) -> str:
        raise ZeroDivisionError


def line_of(log_lines: io.StringIO) -> Any:
    (written,) = log_lines.getvalue().splitlines()
    return json.loads(written, parse_constant=pytest.fail)


def test_an_event_has_its_name_its_reason_and_its_own_fields(log_lines: io.StringIO) -> None:
    before = datetime.now(tz=UTC)
    log.warning("cache_away", reason="It hangs.", request_id="r-1", chore="begin")
    line = line_of(log_lines)
    assert before <= datetime.fromisoformat(line.pop("@timestamp")) <= datetime.now(tz=UTC)
    assert line == {
        "ecs.version": VERSION,
        "log.level": "warning",
        "log.logger": "tests",
        "message": "cache_away: It hangs.",
        "event.action": "cache_away",
        "event.reason": "It hangs.",
        "http.request.id": "r-1",
        "m2m_idp.chore": "begin",
    }


@pytest.mark.parametrize("name", ["gunicorn.error", "django.server", "urllib3"])
def test_a_line_of_a_library_is_a_message(log_lines: io.StringIO, name: str) -> None:
    logger = logging.getLogger(name)
    logger.error("Worker (pid:%d)\nwas sent %s!", 7, "SIGTERM")
    line = line_of(log_lines)
    del line["@timestamp"]
    assert line == {
        "ecs.version": VERSION,
        "log.level": "error",
        "log.logger": name,
        "message": "Worker (pid:7)\nwas sent SIGTERM!",
    }


@pytest.mark.parametrize("logger", [log, logging.getLogger("django")], ids=["event", "ordinary"])
def test_an_exception_is_logged_in_three_fields(log_lines: io.StringIO, logger: Any) -> None:
    try:
        LEVELS.index("loud")
    except ValueError:
        logger.exception("defect")
    line = line_of(log_lines)
    assert (line["error.type"], line["error.message"], line["message"]) == (
        "ValueError",
        "tuple.index(x): x not in tuple",
        "defect",
    )
    assert line["error.stack_trace"].startswith("Traceback (most recent call last):\n")
    assert line["error.stack_trace"].endswith("ValueError: tuple.index(x): x not in tuple\n")
    assert not [name for name in line if "exc_info" in name]


class MuteError(Exception):
    def __str__(self) -> str:
        raise ZeroDivisionError


def test_an_exception_without_text_is_logged(log_lines: io.StringIO) -> None:
    log.error("defect", exc_info=MuteError())
    line = line_of(log_lines)
    assert (line["error.type"], line["error.message"]) == ("MuteError", "(MuteError, which has no text)")


def circle() -> list[Any]:
    members: list[Any] = []
    members.append(members)
    return members


@pytest.mark.contract("P10.4")
@pytest.mark.parametrize(
    ("value", "told"),
    [
        pytest.param(b"\xff\n", "\\xff\n", id="bytes"),
        pytest.param("half \ud83d\n", "half \\ud83d\n", id="half a pair"),
        pytest.param(
            {"\udc00": ["\udc00"], b"k": 1}, {"\\udc00": ["\\udc00"], "k": 1}, id="half pairs within"
        ),
        pytest.param({1: {2}}, {"1": [2]}, id="number as name"),
        pytest.param(float("nan"), "nan", id="not a number"),
        pytest.param(float("-inf"), "-inf", id="infinity"),
        pytest.param(2**63 - 1, 2**63 - 1, id="64 bits"),
        pytest.param(2**63, "9223372036854775808", id="65 bits"),
        pytest.param(10**5000, "(int, which has no text)", id="5001 digits"),
        pytest.param(Unreadable(), "(Unreadable, which has no text)", id="without text"),
        pytest.param(Decimal("1.5"), "1.5", id="decimal"),
        pytest.param((None, True, 0.5), [None, True, 0.5], id="tuple"),
        pytest.param(circle(), [[[["[[...]]"]]]], id="circle"),
    ],
)
def test_whatever_is_logged_is_a_line_of_json(log_lines: io.StringIO, value: Any, told: Any) -> None:
    log.info("maintained", what=value)
    assert line_of(log_lines)["m2m_idp.what"] == told


@pytest.mark.contract("P10.4")
@pytest.mark.parametrize(
    ("text", "argument", "told"),
    [
        pytest.param("%d keys", "many", "%d keys ('many',)", id="other argument"),
        pytest.param("%s", Unreadable(), "%s (Unreadable(),)", id="argument without text"),
        pytest.param("half %s", "\ud83d", "half \\ud83d", id="half a pair"),
    ],
)
def test_a_message_that_does_not_fit_its_arguments_is_logged_all_the_same(
    text: str, argument: Any, told: str
) -> None:
    record = logging.LogRecord("library", logging.ERROR, __file__, 1, text, (argument,), None)
    assert json.loads(Formatter().format(record))["message"] == told


# What a stranger sends, in the lines of libraries


def fail(text: str) -> None:
    raise ValueError(text)


def refused_by_django(log_lines: io.StringIO, **headers: str) -> str:
    """The line of a request to the console that Django refuses."""
    log_lines.truncate(0)
    log_lines.seek(0)
    answer = wire.call(
        "POST", "/admin/login/", headers=[(name.replace("_", "-"), value) for name, value in headers.items()]
    )
    assert answer.status in {400, 403}
    (line,) = log_lines.getvalue().splitlines()
    return line


@pytest.mark.contract("P10.4")
@pytest.mark.parametrize("letter", ["h", "\xff", "\x1b", '"'])
@pytest.mark.parametrize("header", ["Host", "Origin"])
def test_a_refused_request_is_a_short_line_without_stack_trace(
    db: None, log_lines: io.StringIO, header: str, letter: str
) -> None:
    given = {header: f"https://m2m_{'s' * 43}.{letter * 7_000}"}
    line = refused_by_django(log_lines, **given)
    told = json.loads(line)
    assert len(line) < 1_024
    assert "m2m_s" not in line
    assert "error.stack_trace" not in told
    assert told["log.logger"].startswith("django.security.")
    assert re.search(r"\[\.\.\. of \d{4,} characters \.\.\.\]", told["message"])


@pytest.mark.contract("P10.4")
@pytest.mark.parametrize("letter", ["h", "\xff", "\x1b", "\U0001f600", "\ud83d"])
def test_no_line_has_more_than_8_kilobytes(
    log_lines: io.StringIO, monkeypatch: pytest.MonkeyPatch, letter: str
) -> None:
    # pytest's own handler would put half a surrogate pair into its report, which cannot be sent between processes.
    own = [handler for handler in logging.root.handlers if not isinstance(handler, LogCaptureHandler)]
    monkeypatch.setattr(logging.root, "handlers", own)
    long = letter * 10_000
    try:
        fail(long)
    except ValueError:
        logging.getLogger("gunicorn.error").exception("Error handling request %s", long)
    log.error("defect", reason=long, request_id=long, many=[long] * 10, nested={long: {long: long}})
    log.error("defect", **{f"field_{number}": long[:100] for number in range(300)})
    lines = log_lines.getvalue().splitlines()
    assert [len(line) <= 8_192 for line in lines] == [True] * 3
    told = [json.loads(line) for line in lines]
    assert told[0]["error.stack_trace"].startswith("Traceback (most recent call last):\n  File ")
    assert told[0]["message"].startswith("Error handling request ")
    assert "of 10023 characters" in told[0]["message"] or letter == "\ud83d"
    assert [line["event.action"] for line in told[1:]] == ["defect", "defect"]


@pytest.mark.contract("P10.4")
def test_a_long_stack_trace_keeps_where_it_began_and_where_it_ended(log_lines: io.StringIO) -> None:
    def deep(levels: int) -> None:
        # Two functions in turn: Python shortens what one repeats.
        (deep if levels % 2 else deeper)(levels - 1) if levels else LEVELS.index("loud")

    def deeper(levels: int) -> None:
        deep(levels)

    try:
        deep(100)
    except ValueError:
        log.exception("defect")
    line = log_lines.getvalue().strip()
    trace = json.loads(line)["error.stack_trace"]
    assert len(line) <= 8_192
    assert len(trace) > 3_000
    assert "test_a_long_stack_trace_keeps" in trace
    assert trace.endswith("ValueError: tuple.index(x): x not in tuple\n")


@pytest.mark.contract("P10.4")
@pytest.mark.parametrize(
    "text",
    [
        "m2m_{}",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.{}",
        "GET /token?a=b&client_secret={}&c=d",
        "GET /token?client_assertion={}",
        "Authorization: Basic {}",
        "redis://user:{}@cache.example:6379/0",
    ],
)
def test_a_credential_that_a_library_quotes_is_masked(log_lines: io.StringIO, text: str) -> None:
    secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQ"
    logger = logging.getLogger("library")
    logger.error("Failed: %s.", text.format(secret))
    try:
        fail(text.format(secret))
    except ValueError:
        logger.exception("Failed: %r", {"sent": text.format(secret)})
    log.error("not_warmed", reason=text.format(secret), beside=[{"url": text.format(secret)}])
    assert len(log_lines.getvalue().splitlines()) == 3
    assert secret not in log_lines.getvalue()


# The table


@dataclass(slots=True)
class Told:
    levels: set[str]
    fields: set[str]


def add(table: dict[str, Told], action: str, levels: set[str], fields: set[str]) -> None:
    known = table.setdefault(action, Told(set(), set()))
    known.levels |= levels
    known.fields |= fields


def documented() -> dict[str, Told]:
    table: dict[str, Told] = {}
    for action, level, fields, _ in ROW.findall(section("The other lines")):
        add(table, action.strip("`"), set(NAME.findall(level)), set(NAME.findall(fields)))
    return table


def logged() -> dict[str, Told]:
    """As the code calls its loggers; the line that standard output itself adds goes past them."""
    table: dict[str, Told] = {}
    for call in calls():
        name, level = call.args[0], call.func
        assert isinstance(name, ast.Constant), ast.unparse(call)
        assert isinstance(level, ast.Attribute)
        fields = {NAMED.get(given.arg or "", f"m2m_idp.{given.arg}") for given in call.keywords}
        add(table, str(name.value), {level.attr}, fields)
    dropped: Mapping[str, Any] = json.loads(output.dropped_line(1))
    add(
        table,
        dropped["event.action"],
        {dropped["log.level"]},
        {name for name in dropped if name == "event.reason" or name.startswith(f"{OWN}.")},
    )
    return table


def calls() -> Iterator[ast.Call]:
    for path in (path for room in ROOMS for path in (settings.BASE_DIR / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=level)) if level in LEVELS:
                    yield node


def test_every_event_is_documented_with_its_level_and_fields() -> None:
    assert documented() == logged()
    assert len(documented()) > 10


def test_every_event_has_its_advice() -> None:
    assert all(len(advice) > 20 for *_, advice in ROW.findall(section("The other lines")))
