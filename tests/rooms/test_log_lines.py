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
from django.conf import settings

from audit import output
from audit.log import Formatter
from audit.log_line import OWN, VERSION
from tests.rooms.test_event_stream import NAME, section

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
def test_an_exception_is_told_in_three_fields(log_lines: io.StringIO, logger: Any) -> None:
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


def test_an_exception_without_text_is_told(log_lines: io.StringIO) -> None:
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
def test_whatever_is_told_is_a_line_of_json(log_lines: io.StringIO, value: Any, told: Any) -> None:
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
def test_a_message_that_does_not_fit_its_arguments_is_told_all_the_same(
    text: str, argument: Any, told: str
) -> None:
    record = logging.LogRecord("library", logging.ERROR, __file__, 1, text, (argument,), None)
    assert json.loads(Formatter().format(record))["message"] == told


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
