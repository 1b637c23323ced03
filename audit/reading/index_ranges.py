"""A part of one of the record's indexes, walked in its order, whatever the planner knows.

It is written as a range of rows of values, `(client_id, at, id) < (...)`: a planner that sees `client_id = ...` may
think that the newest rows will hold enough of it, and walk back through all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import BooleanField, CharField, DateTimeField, F, Func, QuerySet, Value
from django.db.models.lookups import GreaterThanOrEqual, LessThanOrEqual

from audit.models import IssuanceEvent, Outcome
from audit.reading.positions import Position

PARTIAL: Mapping[str, str] = {"error": "", "outcome": Outcome.ISSUED.value}
"""The value of a column whose rows its index leaves out."""


@dataclass(frozen=True, slots=True)
class IndexRange:
    """From `first` to `last`, both inside, walked backwards from the last or on from the first.

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
        """Of a row, counted from 0 as they are walked; None if it is not there or lies outside."""
        found = self.walked().values_list("at", "id")[number : number + 1]
        return next((position for at, pk in found if self.holds(position := Position(at=at, id=pk))), None)

    def walked(self) -> QuerySet[IssuanceEvent]:
        """From the near end on and past the far one, to be ended by a limit.

        PostgreSQL 15 does not stop at a row of values that ends a backward walk: it reads on to the value's last row.
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
    """A row of values, compared as a whole."""

    template = "(%(expressions)s)"
    output_field = BooleanField()


class IsNot(Func):
    """The condition of a partial index, letter for letter: SQLite uses the index for no other. `but` is a constant."""

    template = "NOT (%(expressions)s = '%(but)s')"
    output_field = BooleanField()
