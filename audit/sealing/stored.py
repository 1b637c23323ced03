"""The leaf form of the exact content of a column.

SQLite takes any text into a column, and reads several texts as one value: `2026-07-01 10:00:00` and
`2026-07-01T10:00:00+00:00` as one moment, everything but 1 as false. But it compares the texts themselves, so that a
row whose text was changed falls out of ranges, pages and exports though it reads as before. PostgreSQL stores values.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from django.db import connection, models
from django.db.models import F, Func

from audit.sealing.leaf import SealedTable

SECONDS, MICROSECONDS = len("2026-07-01 10:00:00"), len("2026-07-01 10:00:00.000001")


class Raw(Func):
    """A column's value in a form that neither SQLite's driver nor Django converts to the declared type: +x is x."""

    template = "+%(expressions)s"
    arity = 1
    output_field = models.TextField()


@dataclass(frozen=True, slots=True)
class Stored:
    """How a table's rows are read: the columns as `values_list` takes them, and the leaf of their values.

    `table.members` raises ValueError or TypeError for values that this server never wrote.
    """

    table: SealedTable
    columns: tuple[str | Raw, ...]


def stored(table: SealedTable) -> Stored:
    return _stored(table, connection.vendor)


@cache
def _stored(table: SealedTable, vendor: str) -> Stored:
    if vendor != "sqlite":
        return Stored(table, tuple(column.name for column in table.columns))
    fields = {field.attname: _raw_form(field) for field in table.model._meta.concrete_fields}
    columns = (column._replace(adapt=fields[column.name] or column.adapt) for column in table.columns)
    return Stored(
        replace(table, columns=tuple(columns)),
        tuple(Raw(F(column.name)) if fields[column.name] else column.name for column in table.columns),
    )


def _raw_form(field: "models.Field[Any, Any]") -> Callable[[Any], Any] | None:
    """None where a value has one stored form only."""
    if isinstance(field, models.DateTimeField):
        return _instant
    if isinstance(field, models.BooleanField):
        return _boolean
    if isinstance(field, models.JSONField):
        return _json
    return None


def _instant(raw: str) -> str:
    """As `audit.sealing.leaf.instant`, but different texts stay different; microseconds are left out if they are 0."""
    is_whole = len(raw) == SECONDS
    if raw[10] != " " or not (is_whole or len(raw) == MICROSECONDS) or raw.endswith(".000000"):
        raise ValueError("not as an instant is written")
    return f"{raw[:10]}T{raw[11:]}.000000Z" if is_whole else f"{raw[:10]}T{raw[11:]}Z"


def _boolean(raw: int) -> bool:
    if raw not in (0, 1):
        raise ValueError("not as a boolean is written")
    return bool(raw)


def _json(raw: str) -> str:
    """Raises ValueError where spaces differ, or a name comes twice: SQLite takes the first, Python the last."""
    value = json.loads(raw)
    if value is None or json.dumps(value) != raw:
        raise ValueError("not as JSON is written")
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
