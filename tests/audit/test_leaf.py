"""audit/sealing/leaf.py: the canonical form of a row, against the library of the RFC."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest
import rfc8785
from django.db import models

from audit.models import IssuanceEvent
from audit.sealing.leaf import SealedTable, canonical, hash_of, instant
from audit.sealing.merkle import leaf_hash
from audit.sealing.sealed_tables import sealed_tables

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
)
VALUES: dict[type, st.SearchStrategy[Any]] = {
    models.BooleanField: st.booleans(),
    models.DateTimeField: st.datetimes(timezones=st.just(UTC)),
    models.IntegerField: st.integers(-(2**53) + 1, 2**53 - 1),
    models.ForeignKey: st.integers(0, 2**53 - 1),
    models.JSONField: JSON,
    models.CharField: TEXT,
    models.TextField: TEXT,
    models.GenericIPAddressField: TEXT,
}


def value_of(column: "models.Field[Any, Any]") -> st.SearchStrategy[Any]:
    for kind, values in VALUES.items():
        if isinstance(column, kind):
            return values | st.none()
    raise AssertionError(f"no values for {column}")


def rows_of(table: SealedTable) -> st.SearchStrategy[Any]:
    fields = {field.attname: field for field in table.model._meta.concrete_fields}
    return st.tuples(st.just(table), st.tuples(*(value_of(fields[column.name]) for column in table.columns)))


@pytest.mark.slow
@hypothesis.given(st.sampled_from(sealed_tables()).flatmap(rows_of))
@hypothesis.settings(max_examples=500)
def test_every_row_is_canonical_as_the_rfc_wants_it(row: tuple[SealedTable, tuple[Any, ...]]) -> None:
    table, values = row
    members = table.members(values)
    assert canonical(members) == rfc8785.dumps(members)
    assert hash_of(members) == leaf_hash(rfc8785.dumps(members))
    assert set(members) == {"table"} | {
        column.name for column, value in zip(table.columns, values, strict=True) if value is not None
    }


def test_every_kind_of_column_is_among_them() -> None:
    assert {table.name for table in sealed_tables()} >= {
        "audit_issuanceevent", "audit_refusalcount", "audit_inspection", "audit_operationalevent",
        "keys_historicalsigningkey", "relying_parties_historicalrelyingparty",
    }  # fmt: skip


@pytest.mark.parametrize("table", sealed_tables(), ids=lambda table: table.name)
def test_every_column_is_in_the_leaf(table: SealedTable) -> None:
    columns = {field.attname for field in table.model._meta.concrete_fields}
    assert {column.leaf_name for column in table.columns} == columns


def test_an_instant_is_the_same_in_every_time_zone() -> None:
    at = datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert instant(at) == "2026-07-01T12:00:00.000000Z"
    assert instant(at.astimezone(timezone(timedelta(hours=5, minutes=30)))) == instant(at)


def test_a_column_that_is_null_changes_no_leaf() -> None:
    table = SealedTable.of(IssuanceEvent)
    values = [1 if column.name == "id" else None for column in table.columns]
    assert table.members(values) == {"table": "audit_issuanceevent", "id": 1}


def test_a_column_without_a_leaf_form_is_refused() -> None:
    class Odd(models.Model):
        weight = models.FloatField()

        class Meta:
            app_label = "tests"

    with pytest.raises(TypeError, match="No leaf form for the column"):
        SealedTable.of(Odd)
