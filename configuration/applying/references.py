"""From a name in the file to the object that it means: in the file first, then in the database."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import models

from configuration.applying.stored_rows import StoredRows
from configuration.reading.entries import Entry
from configuration.reading.problems import Problems
from configuration.reading.shape import IDENTITIES
from issuers.models import Issuer


class UnresolvedError(Exception):
    """A reference was not found. The problem is noted, here or where the object itself could not be made."""


class References:
    """Sections are applied in the order in which they refer to each other: every reference is to a saved row."""

    def __init__(self, entries: Iterable[Entry], rows: StoredRows, problems: Problems) -> None:
        self._declared = {(entry.kind.model, entry.identity) for entry in entries}
        self._rows = rows
        self._problems = problems

    def resolved(self, entry: Entry, *, issuer: Issuer | None = None) -> dict[str, Any]:
        """The values of the model's fields, names replaced by rows. Raises UnresolvedError.

        `issuer` is the one in which to look, where the entry does not name its own.
        """
        columns = {column.name: column for column in entry.kind.fields().values()}
        values = {name: value for name, value in entry.values.items() if name in columns}
        for name, value in values.items():
            if columns[name].is_relation and value is not None:
                values[name] = self._row(columns[name], value, entry, issuer)
        return values

    def _row(self, column: Any, name: str, entry: Entry, issuer: Issuer | None) -> models.Model:
        model: type[models.Model] = column.related_model
        paths = [issuer.path if issuer else "" for _ in IDENTITIES[model][:-1]]
        found = self._rows.find(model, (*paths, name))
        if found is None:
            if (model, (*paths, name)) not in self._declared:
                kind = model._meta.verbose_name
                self._problems.add(
                    entry.location_of(column.name),
                    f'There is no {kind} "{name}", neither in the file nor stored.',
                )
            raise UnresolvedError
        return found


def whole(values: Mapping[str, Any], entry: Entry) -> dict[str, Any]:
    """The values with the model's default for each key that the entry leaves out."""
    return {
        column.name: values.get(column.name, column.get_default()) for column in entry.kind.fields().values()
    }
