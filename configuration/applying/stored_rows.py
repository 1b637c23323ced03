"""The stored rows of the objects that a file names: read a section at a time, in a few queries."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from django.db import models
from django.db.models import QuerySet

from configuration.reading.entries import Entry
from configuration.reading.shape import IDENTITIES, SECTIONS
from keys.models import SigningKey
from relying_parties.models import RelyingParty

M = TypeVar("M", bound=models.Model)

ROWS_AT_ONCE = 500
"""How many are named in one query."""


class StoredRows:
    """Rows by the names that a file has for them. A row that the run saves is added here too."""

    def __init__(self) -> None:
        self._rows: dict[tuple[type[models.Model], tuple[Any, ...]], models.Model | None] = {}
        self._parts: dict[tuple[type[models.Model], int], list[Any]] = defaultdict(list)

    def read(self, section: Sequence[Entry]) -> None:
        """Read and lock the rows of these entries, and read their parts."""
        scopes: dict[tuple[Any, ...], list[Entry]] = defaultdict(list)
        for entry in section:
            if entry.is_sound and entry.kind.model is not SigningKey:
                scopes[entry.identity[:-1]].append(entry)
        for scope, entries in scopes.items():
            for some in _portions(entries):
                self._read(some, scope)

    def find(self, model: type[M], identity: tuple[Any, ...]) -> M | None:
        """The row; the identity names its issuer by the path, None for all issuers."""
        if (model, identity) not in self._rows:
            *scope, natural = identity
            found = _of_scope(model._default_manager.all(), scope, [natural]).first()
            if found is None:
                return None
            self._rows[model, identity] = found
        return self._rows[model, identity]  # type: ignore[return-value]

    def add(self, row: models.Model, identity: tuple[Any, ...]) -> None:
        self._rows[type(row), identity] = row

    def parts(self, model: type[M], relying_party: RelyingParty) -> list[M]:
        """The rows of a list under a relying party of the section that was read."""
        return self._parts[model, relying_party.pk]

    def _read(self, entries: list[Entry], scope: tuple[Any, ...]) -> None:
        model = entries[0].kind.model
        # Keys that others make meanwhile need not wait for an issuer: its primary key does not change here.
        rows = model._default_manager.select_for_update(of=("self",), no_key=True)
        found = _of_scope(rows, scope, [entry.identity[-1] for entry in entries])
        by_name = {getattr(row, IDENTITIES[model][-1]): row for row in found}
        for entry in entries:
            self._rows[model, entry.identity] = by_name.get(entry.identity[-1])
        if model is RelyingParty:
            self._read_parts(entries, {row.pk: row for row in by_name.values()})

    def _read_parts(self, entries: list[Entry], relying_parties: dict[int, models.Model]) -> None:
        for key, kind in SECTIONS["relying_parties"].parts.items():
            if not any(key in entry.parts for entry in entries):
                continue
            rows = kind.model._default_manager.filter(relying_party__in=relying_parties)
            ordered = rows.order_by(*(kind.model._meta.ordering or ()), "pk")
            for row in _with_references(ordered, but="relying_party"):
                row.relying_party = relying_parties[row.relying_party_id]
                self._parts[kind.model, row.relying_party.pk].append(row)


def _portions(entries: list[Entry]) -> Iterator[list[Entry]]:
    return (entries[start : start + ROWS_AT_ONCE] for start in range(0, len(entries), ROWS_AT_ONCE))


def _of_scope(rows: QuerySet[Any], scope: Iterable[Any], names: list[Any]) -> QuerySet[Any]:
    """The rows of these names, with what they refer to."""
    model = rows.model
    named = rows.filter(**{f"{IDENTITIES[model][-1]}__in": names})
    for path in scope:
        named = named.filter(issuer__isnull=True) if path is None else named.filter(issuer__path=path)
    return _with_references(named)


def _with_references(rows: QuerySet[Any], *, but: str = "") -> QuerySet[Any]:
    columns = rows.model._meta.concrete_fields
    names = [column.name for column in columns if column.is_relation and column.name != but]
    return rows.select_related(*names) if names else rows
