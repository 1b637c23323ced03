"""audit/verification: what a row holds is compared to the letter, and what no sealed row can be stops nothing.

PostgreSQL keeps values: there another text of one value changes nothing.
"""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.utils import timezone

from audit.models import Inspection, IssuanceEvent
from audit.sealing.leaf import SealedTable
from audit.verification.row_check import hashes_of
from issuers.models import Issuer
from relying_parties.models import ResourceServer
from tests.audit.rows import EVENTS, event
from tests.audit.tampering import found, without_triggers
from upkeep.sealing import seal

AT = datetime(2026, 11, 24, 10, 0, 0, 500_000, tzinfo=UTC)
WHOLE = AT.replace(microsecond=0)

pytestmark = pytest.mark.usefixtures("sealed")


def put(table: str, column: str, text: str | bytes, pk: int, *, key: str = "id") -> None:
    """Write a text into a column as it is."""
    with without_triggers(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {column} = %s WHERE {key} = %s", [text, pk])  # noqa: S608


def is_named(table: str, pk: int) -> bool:
    told = found()
    assert told in ([], [f"{table} {pk}: it was changed after it was sealed"])
    return bool(told)


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (AT, "2026-11-24 10:00:00.5"),
        (AT, "2026-11-24 10:00:00.500"),
        (AT, "2026-11-24T10:00:00.500000"),
        (AT, "20261124 10:00:00.500000"),
        (AT, "2026-11-24 10:00:00.500000+00:00"),
        (AT, "2026-11-24 11:00:00.500000+01:00"),
        (WHOLE, "2026-11-24 10:00"),
        (WHOLE, "2026-11-24T10:00:00"),
        (WHOLE, "2026-11-24 10:00:00.000000"),
        (WHOLE, "2026-11-24 10:00:00Z"),
    ],
)
def test_another_text_of_the_same_moment_is_named(at: datetime, text: str) -> None:
    row = event(expires_at=at)
    seal(timezone.now())
    put(EVENTS, "expires_at", text, row.pk)
    assert IssuanceEvent.objects.get(pk=row.pk).expires_at == at
    assert is_named(EVENTS, row.pk) == (connection.vendor == "sqlite")


@pytest.mark.parametrize("at", [AT, WHOLE])
def test_what_is_written_as_it_was_is_not_named(at: datetime) -> None:
    row = event(expires_at=at)
    seal(timezone.now())
    put(EVENTS, "expires_at", f"{at.replace(tzinfo=None)}", row.pk)
    assert not is_named(EVENTS, row.pk)


def test_another_text_of_false_is_named() -> None:
    row = event()
    seal(timezone.now())
    put(EVENTS, "is_test", "no", row.pk)
    assert IssuanceEvent.objects.get(pk=row.pk).is_test is False
    assert is_named(EVENTS, row.pk) == (connection.vendor == "sqlite")


def test_a_boolean_that_is_none_is_named() -> None:
    row = event(is_test=True)
    seal(timezone.now())
    if connection.vendor == "postgresql":
        return  # It lets nothing into a column that is no value of it.
    put(EVENTS, "is_test", "2", row.pk)
    assert IssuanceEvent.objects.get(pk=row.pk).is_test is False
    assert is_named(EVENTS, row.pk)


@pytest.mark.parametrize("text", ['["a","b"]', '["a", "b"] ', '["\\u0061", "b"]'])
def test_another_text_of_a_json_column_is_named(text: str) -> None:
    server = ResourceServer(
        issuer=Issuer.objects.get(path="other"), identifier="lists", name="L", scopes=["a", "b"]
    )
    server.save()
    seal(timezone.now())
    row = ResourceServer.history.get(identifier="lists")
    table = ResourceServer.history.model._meta.db_table
    put(table, "scopes", text, row.history_id, key="history_id")
    assert ResourceServer.history.get(identifier="lists").scopes == ["a", "b"]
    assert is_named(table, row.history_id) == (connection.vendor == "sqlite")


def test_an_instant_that_is_none_is_named() -> None:
    row = event(outcome="refused", error="invalid_client", expires_at=None)
    seal(timezone.now())
    if connection.vendor == "postgresql":
        return
    put(EVENTS, "expires_at", "never", row.pk)
    assert IssuanceEvent.objects.get(pk=row.pk).expires_at is None
    assert is_named(EVENTS, row.pk)


def test_bytes_where_text_should_be_have_no_leaf() -> None:
    table = SealedTable.of(Inspection)
    row = Inspection.objects.create(at=AT, actor="a", source="admin", act="export", rows=1)
    assert len(hashes_of(table, [row.pk])[row.pk]) == 32
    if connection.vendor == "postgresql":
        return
    put(table.name, "actor", b"\xff", row.pk)
    assert hashes_of(table, [row.pk]) == {row.pk: b""}


def test_a_row_that_cannot_be_read_hides_none_beside_it() -> None:
    table = SealedTable.of(Inspection)
    ids = [
        Inspection.objects.create(at=AT, actor="a", source="admin", act="export", rows=1).pk for _ in range(3)
    ]
    before = hashes_of(table, ids)
    if connection.vendor == "postgresql":
        return
    with without_triggers(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table.name} SET actor = CAST(x'ff' AS TEXT) WHERE id = %s", [ids[1]])  # noqa: S608
    after = hashes_of(table, ids)
    assert [pk for pk in ids if after[pk] != before[pk]] == [ids[1]]
