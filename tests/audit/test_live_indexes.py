"""audit/protection/live_indexes.py: a migration of the record's indexes that was broken off is done by the next run."""

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connection

from audit.models import IssuanceEvent

TABLE = IssuanceEvent._meta.db_table


@pytest.fixture
def before(db: None) -> Iterator[dict[str, list[str]]]:
    """The indexes and their columns; the database is that of the version before them."""
    wanted = columns()
    migrate("0004")
    yield wanted
    # What came after these indexes as well.
    call_command("migrate", verbosity=0)


def migrate(number: str) -> None:
    call_command("migrate", "audit", number, verbosity=0)


def columns() -> dict[str, list[str]]:
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, TABLE)
    return {name: index["columns"] for name, index in found.items() if index["index"]}


@pytest.mark.slow
def test_there_and_back_are_other_indexes(before: dict[str, list[str]]) -> None:
    former = columns()
    assert former["event_at"] == ["at"]
    assert "event_kid_at" not in former
    migrate("0005")
    assert columns() == before
    assert "event_at" not in before


@pytest.mark.slow
def test_an_index_that_is_there_is_made_again_and_one_that_is_gone_is_not_missed(
    before: dict[str, list[str]],
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE INDEX event_kid_at ON {TABLE} (ip)")
        cursor.execute("DROP INDEX event_client")
    migrate("0005")
    assert columns() == before
