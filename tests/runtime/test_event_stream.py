"""docs/event-stream.md and the stream say the same."""

import io
import json
import re
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.db import transaction

from audit import ecs
from audit.models import OperationalEvent, Outcome
from audit.writing.operational_events import record_act

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
ROW = re.compile(r"^\| (`.*?`) \| (.*) \|$", re.MULTILINE)
NAME = re.compile(r"`([^`]+)`")


def documented(title: str = "The lines of the record") -> dict[str, str]:
    """The second column by the names in the first."""
    return {name: told for names, told in ROW.findall(section(title)) for name in NAME.findall(names)}


def section(title: str) -> str:
    text = (settings.BASE_DIR / "docs" / "event-stream.md").read_text()
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_every_column_is_documented_under_its_name() -> None:
    table = documented()
    assert {field: NAME.findall(table[field])[0] for field in ecs.FIELDS.values()} == {
        field: column for column, field in ecs.FIELDS.items()
    }


@pytest.mark.parametrize("outcome", Outcome.values)
def test_every_field_is_documented_with_its_value(outcome: str) -> None:
    table, line = documented(), ecs.of_request(7, dict.fromkeys(ecs.FIELDS, "x") | {"outcome": outcome})
    trace = ecs.of_trace(7, at="", request_id="", content={})
    assert line.keys() | trace.keys() == table.keys()
    for field, value in [*line.items(), *trace.items()]:
        if field in ecs.KIND or field in {"event.action", "event.category", "event.type", "event.outcome"}:
            for word in value if isinstance(value, list) else [value]:
                assert f"`{word}`" in table[field], field


def test_the_outcome_is_written_in_the_schemas_words() -> None:
    told = {outcome: ecs.of_request(1, {"outcome": outcome})["event.outcome"] for outcome in Outcome.values}
    assert told == {"issued": "success", "refused": "failure", "failed": "failure"}


def test_a_trace_names_the_request_that_it_belongs_to() -> None:
    line = ecs.of_trace(7, at="2026-07-01T12:00:00+00:00", request_id="r-1", content={"steps": []})
    names = ("@timestamp", "event.id", "http.request.id", "m2m_idp.trace")
    assert [line[name] for name in names] == ["2026-07-01T12:00:00+00:00", "7", "r-1", {"steps": []}]


ACTS = "The lines of operational events"


@pytest.mark.parametrize("kind", OperationalEvent.Kind.values)
def test_every_operational_event_is_documented_with_its_fields(kind: str) -> None:
    columns = {column: "x" for column, name in ecs.ACT_FIELDS.items() if name != "@timestamp"}
    row = OperationalEvent(pk=7, **columns | {"at": NOW, "kind": kind})
    table, line = documented(ACTS), ecs.of_act(row)
    assert line.keys() == table.keys()
    for field in ecs.KIND.keys() | {"event.action", "event.category", "event.type", "event.outcome"}:
        for word in line[field] if isinstance(line[field], list) else [line[field]]:
            assert f"`{word}`" in table[field], field
    for column, field in ecs.ACT_FIELDS.items():
        assert NAME.findall(table[field])[0] == column


def test_an_operational_event_is_written_once_it_is_committed_and_what_is_empty_is_left_out(
    db: None, log_lines: io.StringIO
) -> None:
    with transaction.atomic():
        row = record_act(OperationalEvent.Kind.SIGN_OUT, now=NOW, actor="ann", source="admin")
        assert log_lines.getvalue() == ""
    (line,) = map(json.loads, log_lines.getvalue().splitlines())
    assert line == {
        "@timestamp": "2026-07-01T12:00:00.000000Z", "ecs.version": "8.17.0", "log.level": "info",
        "log.logger": "audit", "event.kind": "event", "event.action": "sign_out",
        "event.category": ["authentication"], "event.type": ["end"], "event.outcome": "success",
        "event.id": str(row.pk), "user.name": "ann", "m2m_idp.channel": "admin", "m2m_idp.format": 1,
    }  # fmt: skip


def test_a_command_tells_the_operator_and_not_the_stream(db: None, log_lines: io.StringIO) -> None:
    record_act(OperationalEvent.Kind.TRIGGERS_INSTALLED, now=NOW)
    assert (OperationalEvent.objects.get().source, log_lines.getvalue()) == ("command", "")


def test_an_operational_event_masks_secrets_and_cuts_what_is_long(db: None) -> None:
    secret, token = "m2m_" + "a" * 40, "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl"
    record_act(OperationalEvent.Kind.ACCOUNT_CHANGED, now=NOW, actor=secret, target=token, detail="x" * 5000)
    row = OperationalEvent.objects.get(actor="[secret]")
    assert (row.target, len(row.detail)) == ("[token]", 4000)
