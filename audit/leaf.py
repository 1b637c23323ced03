"""The leaf of a sealed row: what of it is hashed, in one form on every database.

The form is RFC 8785 canonical JSON of the table's name and the non-null columns, so that a new column changes no old
leaf. All values are text, whole numbers and booleans, for which Python's own JSON, sorted, is canonical: instants are
text, JSON columns are their text.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import models

from audit.merkle import leaf_hash

CHUNK = 2_000
INSTANTS = ("history_date", "written_at", "at")
"""Columns that say when a row was made; the first that a table has does."""
PLAIN = (
    models.BooleanField, models.CharField, models.ForeignKey, models.GenericIPAddressField, models.IntegerField,
    models.TextField,
)  # fmt: skip
"""Columns whose values are text, whole numbers and booleans as they are."""

_encode = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class SealedTable:
    """A table whose rows are sealed. Columns are (name in the leaf, its value as JSON)."""

    name: str
    id_name: str
    instant_name: str
    """The column that says when the row was made."""
    model: type[models.Model]
    columns: tuple[tuple[str, Callable[[Any], Any] | None], ...]

    @property
    def id_at(self) -> int:
        """The place of the id among the columns."""
        return [name for name, _ in self.columns].index(self.id_name)

    @classmethod
    def of(cls, model: type[models.Model]) -> "SealedTable":
        fields = sorted(model._meta.concrete_fields, key=lambda field: field.attname)
        columns = tuple((field.attname, _adaptation(field)) for field in fields)
        return cls(
            name=model._meta.db_table,
            id_name=model._meta.pk.attname,
            instant_name=next(name for name in INSTANTS if name in dict(columns)),
            model=model,
            columns=columns,
        )

    def rows(self, rows: models.QuerySet[Any]) -> Iterator[tuple[int, dict[str, Any]]]:
        """Id and leaf members of each row, in the order of the query, in bounded memory."""
        names = [name for name, _ in self.columns]
        at = self.id_at
        for values in rows.values_list(*names).iterator(chunk_size=CHUNK):
            yield values[at], self.members(values)

    def members(self, values: Iterable[Any]) -> dict[str, Any]:
        """What the leaf says of a row, given its columns' values in order."""
        found: dict[str, Any] = {"table": self.name}
        for (name, adapt), value in zip(self.columns, values, strict=True):
            if value is not None:
                found[name] = adapt(value) if adapt else value
        return found


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
