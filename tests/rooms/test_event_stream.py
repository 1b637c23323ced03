"""docs/event-stream.md and the stream say the same."""

import re

import pytest
from django.conf import settings

from audit import ecs
from audit.models import Outcome

ROW = re.compile(r"^\| (`.*?`) \| (.*) \|$", re.MULTILINE)
NAME = re.compile(r"`([^`]+)`")


def documented() -> dict[str, str]:
    """The second column by the names in the first."""
    return {
        name: told
        for names, told in ROW.findall(section("The lines of the record"))
        for name in NAME.findall(names)
    }


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


def test_the_outcome_is_told_in_the_schemas_words() -> None:
    told = {outcome: ecs.of_request(1, {"outcome": outcome})["event.outcome"] for outcome in Outcome.values}
    assert told == {"issued": "success", "refused": "failure", "failed": "failure"}


def test_a_trace_names_the_request_that_it_belongs_to() -> None:
    line = ecs.of_trace(7, at="2026-07-01T12:00:00+00:00", request_id="r-1", content={"steps": []})
    names = ("@timestamp", "event.id", "http.request.id", "m2m_idp.trace")
    assert [line[name] for name in names] == ["2026-07-01T12:00:00+00:00", "7", "r-1", {"steps": []}]
