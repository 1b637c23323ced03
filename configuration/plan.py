"""What applying a file changes, in lines for a person. A secret's value is never in it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from configuration.reading.problems import printable

MAX_VALUE_LENGTH = 100

ADDED, CHANGED, REMOVED = "+", "~", "-"


@dataclass(frozen=True, slots=True)
class Change:
    mark: str
    subject: str
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        return printable(f"{self.mark} {self.subject}{': ' if self.details else ''}{', '.join(self.details)}")


@dataclass(frozen=True, slots=True)
class GeneratedSecret:
    """A secret that was made; its text exists here and nowhere else."""

    client_id: str
    label: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Plan:
    name: str
    changes: tuple[Change, ...]
    unchanged: int
    generated: tuple[GeneratedSecret, ...]
    warnings: tuple[str, ...]

    def lines(self) -> Iterator[str]:
        if self.name:
            yield printable(f"{self.name}:")
        yield from map(str, self.changes)
        yield from (printable(f"! {warning}") for warning in self.warnings)
        if self.unchanged:
            yield f"= {self.unchanged} unchanged"
        if not self.changes:
            yield "no changes"


class Draft:
    """A plan while it grows."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.unchanged = 0
        self.generated: list[GeneratedSecret] = []
        self.warnings: list[str] = []

    def note(self, mark: str, subject: str, *details: str) -> None:
        self.changes.append(Change(mark, subject, details))

    def finished(self, name: str) -> Plan:
        return Plan(
            name=name,
            changes=tuple(self.changes),
            unchanged=self.unchanged,
            generated=tuple(self.generated),
            warnings=tuple(self.warnings),
        )


def difference(key: str, old: Any, new: Any) -> str:
    return f"{key} {shown(old)} -> {shown(new)}"


def shown(value: Any) -> str:
    """A value as JSON, its members in one order, cut short."""
    text = (
        value.isoformat()
        if isinstance(value, datetime)
        else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    )
    return text if len(text) <= MAX_VALUE_LENGTH else f"{text[:MAX_VALUE_LENGTH]}..."
