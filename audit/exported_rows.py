"""The rows that leave, oldest first, each with its leaf and its seal."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit.chosen import Chosen
from audit.leaf import CHUNK, SealedTable
from audit.models import IssuanceEvent
from audit.seal_search import Seal, SealSearch

TABLE = SealedTable.of(IssuanceEvent)


@dataclass(frozen=True, slots=True)
class ExportedRow:
    members: dict[str, Any]
    """What of the row is hashed into its leaf (audit/leaf.py)."""
    seal: Seal | None


class ExportedRows:
    """Up to the newest row at the start. Read by short queries, so that no transaction stays open meanwhile."""

    def __init__(self, chosen: Chosen) -> None:
        newest = IssuanceEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        self._chosen = chosen.apply(IssuanceEvent.objects.filter(pk__lte=newest)).order_by("pk")
        self._search = SealSearch(TABLE.name)
        self.given = 0
        self.sealed = 0

    def __iter__(self) -> Iterator[ExportedRow]:
        last_id = 0
        while chunk := list(TABLE.rows(self._chosen.filter(pk__gt=last_id)[:CHUNK])):
            for row_id, members in chunk:
                yield self._exported(row_id, members)
            last_id = chunk[-1][0]

    @property
    def broken(self) -> list[int]:
        """Numbers of checkpoints that cannot be read: rows that they cover seem unsealed."""
        return sorted(self._search.broken)

    def _exported(self, row_id: int, members: dict[str, Any]) -> ExportedRow:
        seal = self._search.seal_of(row_id, at=datetime.fromisoformat(members["at"]))
        self.given += 1
        self.sealed += seal is not None
        return ExportedRow(members=members, seal=seal)
