"""A part of one of the record's indexes, walked in its order, whatever the planner estimates.

It is written as a comparison of row values, `(client_id, at, id) < (...)`: for `client_id = ...` a planner may expect
enough matches among the newest rows, and walk back through all rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import BooleanField, CharField, DateTimeField, F, Func, QuerySet, Value
from django.db.models.lookups import GreaterThanOrEqual, LessThanOrEqual

from audit.models import IssuanceEvent, Outcome
from audit.reading.positions import Position

PARTIAL: Mapping[str, str] = {"error": "", "outcome": Outcome.ISSUED.value}
"""The value whose rows are not in the column's index."""


@dataclass(frozen=True, slots=True)
class IndexRange:
    """From `first` to `last`, both included, walked backwards from the last or forwards from the first.

    `column` is empty for the index of time alone.
    """

    column: str
    value: str
    first: Position
    last: Position
    backwards: bool

    def holds(self, position: Position) -> bool:
        return self.first <= position <= self.last

    def place_of(self, number: int) -> Position | None:
        """The index of a row in the walk, from 0; None if it is not there or outside."""
        found = self.walked().values_list("at", "id")[number : number + 1]
        return next((position for at, pk in found if self.holds(position := Position(at=at, id=pk))), None)

    def walked(self) -> QuerySet[IssuanceEvent]:
        """From the near end past the far end; a limit must end it.

        PostgreSQL 15 does not stop at a row value that ends a backward walk: it reads on to the value's last row.
        """
        names = [*([self.column] if self.column else []), "at", "id"]
        row, order = Row(*map(F, names)), [f"-{name}" if self.backwards else name for name in names]
        if self.backwards:
            events = IssuanceEvent.objects.filter(LessThanOrEqual(row, self._edge(self.last)))
        else:
            events = IssuanceEvent.objects.filter(GreaterThanOrEqual(row, self._edge(self.first)))
        if self.column:
            events = events.filter(**{f"{self.column}__{'gte' if self.backwards else 'lte'}": self.value})
        if self.column in PARTIAL:
            events = events.filter(IsNot(F(self.column), but=PARTIAL[self.column]))
        return events.order_by(*order)

    def _edge(self, position: Position) -> "Row":
        value = [Value(self.value, CharField())] if self.column else []
        return Row(*value, Value(position.at, DateTimeField()), Value(position.id))


class Row(Func):
    """A row value, compared as a whole."""

    template = "(%(expressions)s)"
    output_field = BooleanField()


class IsNot(Func):
    """The condition of a partial index, exactly as created: SQLite uses the index for no other. `but` is a constant."""

    template = "NOT (%(expressions)s = '%(but)s')"
    output_field = BooleanField()
