"""The exported rows, oldest first, each with its leaf and its seal."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit.models import IssuanceEvent
from audit.reading.filters import EventFilter
from audit.sealing.leaf import SealedTable, hash_of
from audit.sealing.seal_search import Seal, SealSearch
from audit.streamed import CHUNK

TABLE = SealedTable.of(IssuanceEvent)


class UnknownColumnsError(Exception):
    """A row is sealed with columns that this version does not have. The text says so, and what to do."""


@dataclass(frozen=True, slots=True)
class ExportedRow:
    members: dict[str, Any]
    """What is hashed into the row's leaf (audit/sealing/leaf.py)."""
    seal: Seal | None

    @property
    def cells(self) -> dict[str, Any]:
        """The members under the names that the columns have now."""
        return self.seal.checkpoint.table.by_name(self.members) if self.seal else self.members


class ExportedRows:
    """Up to the newest row at the start. Read by short queries, so that no transaction stays open."""

    def __init__(self, event_filter: EventFilter) -> None:
        newest = IssuanceEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        self._event_filter = event_filter.apply(IssuanceEvent.objects.filter(pk__lte=newest)).order_by("pk")
        self._search = SealSearch(TABLE)
        self.given = 0
        self.sealed = 0
        self.checkpoints: tuple[int, int] | None = None
        """The lowest and the highest number of those that sealed the rows."""

    def __iter__(self) -> Iterator[ExportedRow]:
        """Raises UnknownColumnsError."""
        last_id = 0
        while chunk := list(TABLE.rows(self._event_filter.filter(pk__gt=last_id), most=CHUNK)):
            for row_id, members in chunk:
                yield self._exported(row_id, members)
            last_id = chunk[-1][0]

    @property
    def broken(self) -> list[int]:
        """Numbers of checkpoints that cannot be read: their rows seem unsealed."""
        return sorted(self._search.broken)

    def _exported(self, row_id: int, members: dict[str, Any]) -> ExportedRow:
        seal = self._search.seal_of(row_id, at=datetime.fromisoformat(members["at"]))
        self.given += 1
        if seal:
            self.sealed += 1
            number = seal.checkpoint.number
            low, high = self.checkpoints or (number, number)
            self.checkpoints = min(low, number), max(high, number)
        return ExportedRow(members=_as_sealed(members, seal) if seal else members, seal=seal)


def _as_sealed(members: dict[str, Any], seal: Seal) -> dict[str, Any]:
    """The members that the seal covers: a column that was added later is not among them."""
    table = seal.checkpoint.table
    own = table.members_of(members)
    if table.unknown and hash_of(own) != seal.leaf_hash:
        raise UnknownColumnsError(
            f"Row {members[TABLE.id_name]} is sealed with columns that this version does not have "
            f"({', '.join(table.unknown)}): export with the version that sealed it."
        )
    return own
