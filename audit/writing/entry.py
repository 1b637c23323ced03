"""The row of one request while it is on its way: each step notes what it found out."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(slots=True)
class Entry:
    """Column values of an IssuanceEvent, and the steps that found them."""

    at: datetime
    request_id: str
    columns: dict[str, Any] = field(default_factory=dict)
    steps: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    trace: dict[str, Any] | None = None
    """What the trace holds beside the steps; None if the request is not traced."""

    is_issued: bool = False
    """The row that says `issued` is committed."""

    def passed(self, step: str, **columns: Any) -> None:
        """The request passed a step; `columns` is what the step found out."""
        self.columns.update(columns)
        self.steps.append((step, columns))
