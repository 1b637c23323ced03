"""The leaf of a sealed row: the form in which it is hashed, the same on every database.

The form is RFC 8785 canonical JSON of the table's name and the non-null columns. The statement of the checkpoint names
the columns (sealed_columns.py). All values are text, whole numbers and booleans, for which Python's own JSON, sorted,
is canonical: instants are text, JSON columns are their text.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import models

from audit.sealing.merkle import leaf_hash
from audit.streamed import in_pages

INSTANTS = ("history_date", "written_at", "at")
"""Columns that say when a row was made; the first one that a table has is used."""
PLAIN = (
    models.BooleanField, models.CharField, models.ForeignKey, models.GenericIPAddressField, models.IntegerField,
    models.TextField,
)  # fmt: skip
"""Columns whose values are text, whole numbers and booleans as they are."""

_encode = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode


class Column(NamedTuple):
    name: str
    """In the model as it is now."""
    adapt: Callable[[Any], Any] | None
    """The value as JSON; None: as it is."""
    leaf_name: str
    """In the leaf: the name that the column had when the row was sealed."""


@dataclass(frozen=True, slots=True)
class SealedTable:
    """A table whose rows are sealed, and the columns that their leaves are made of."""

    name: str
    id_name: str
    instant_name: str
    """The column that says when the row was made."""
    model: type[models.Model]
    columns: tuple[Column, ...]
    unknown: tuple[str, ...] = ()
    """Columns that the leaves were made of and that this version of the server does not have."""

    @classmethod
    def of(cls, model: type[models.Model]) -> "SealedTable":
        """As rows are sealed now: with every column."""
        fields = sorted(model._meta.concrete_fields, key=lambda field: field.attname)
        columns = tuple(Column(field.attname, _adaptation(field), field.attname) for field in fields)
        return cls(
            name=model._meta.db_table,
            id_name=model._meta.pk.attname,
            instant_name=instant_among(column.name for column in columns),
            model=model,
            columns=columns,
        )

    def rows(
        self, rows: models.QuerySet[Any], *, most: int | None = None
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Id and leaf members of each row in the order of ids, `most` rows at most, in bounded memory."""
        names = [column.name for column in self.columns]
        for pk, *values in in_pages(rows.values_list("pk", *names), most=most):
            yield pk, self.members(values)

    def members(self, values: Iterable[Any]) -> dict[str, Any]:
        """The leaf members of a row, given its columns' values in order."""
        found: dict[str, Any] = {"table": self.name}
        for (_, adapt, leaf_name), value in zip(self.columns, values, strict=True):
            if value is not None:
                found[leaf_name] = adapt(value) if adapt else value
        return found

    def members_of(self, members: dict[str, Any]) -> dict[str, Any]:
        """The leaf members of a row, given those that a leaf of all present columns has."""
        own = {column.leaf_name: members.get(column.name) for column in self.columns}
        return {"table": self.name} | {name: value for name, value in own.items() if value is not None}

    def by_name(self, members: dict[str, Any]) -> dict[str, Any]:
        """The leaf's members, under the names that the columns have now."""
        renamed = {leaf_name: name for name, _, leaf_name in self.columns if name != leaf_name}
        return {renamed.get(name, name): value for name, value in members.items()} if renamed else members


def instant_among(names: Iterable[str]) -> str:
    """The column that says when a row was made; empty if there is none."""
    known = set(names)
    return next((name for name in INSTANTS if name in known), "")


def canonical(members: dict[str, Any]) -> bytes:
    """RFC 8785 for members whose names are ASCII and whose values are text, whole numbers and booleans."""
    return _encode(members).encode()


def hash_of(members: dict[str, Any]) -> bytes:
    return leaf_hash(canonical(members))


def instant(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds, always of one length."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _adaptation(field: "models.Field[Any, Any]") -> Callable[[Any], Any] | None:
    if isinstance(field, models.DateTimeField):
        return instant
    if isinstance(field, models.JSONField):
        return lambda value: json.dumps(value, sort_keys=True, separators=(",", ":"))
    if isinstance(field, PLAIN):
        return None
    raise TypeError(f"No leaf form for the column {field}.")
