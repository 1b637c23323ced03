"""docs/configuration.md says what the code takes."""

import re
from pathlib import Path

import pytest

from configuration.shape import GRANT, RULE, SECRET, SECTIONS, Kind
from tests.configuration.files import applied

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()


def documented(row: str) -> set[str]:
    """The keys that the page's table has in this row."""
    (keys,) = re.findall(rf"^\| {row}[^|]* \| (.*) \|$", PAGE, flags=re.MULTILINE)
    return set(re.findall(r"`([a-z0-9_]+)`", keys))


@pytest.mark.parametrize(
    ("row", "kind"),
    [*((f"`{section}` ", kind) for section, kind in SECTIONS.items()),
     ("`secrets` of", SECRET), ("`grants` of", GRANT), ("`rules` of", RULE)],
)  # fmt: skip
def test_the_table_has_every_key(row: str, kind: Kind) -> None:
    assert documented(row.strip()) == {*kind.fields(), *kind.further, *kind.parts}


@pytest.mark.django_db
def test_the_page_shows_a_file_that_can_be_applied() -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)

    assert len(applied(example, environment={"TILL_SECRET": "value"}).changes) == 10
