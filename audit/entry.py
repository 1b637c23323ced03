"""The row of one request while it is on its road: each step notes what it found out."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

SECRET = re.compile(r"m2m_[A-Za-z0-9_-]{8,}")
"""Anything that looks like a generated secret, whole or in part, wherever a caller put it."""
TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*")
"""A JWT: whoever reads it may use it while it lives."""
REPLACED = "\N{REPLACEMENT CHARACTER}"


def masked(text: str) -> str:
    """The text with secrets and tokens masked."""
    if "m2m_" in text:
        text = SECRET.sub("[secret]", text)
    if "eyJ" in text:
        text = TOKEN.sub("[token]", text)
    return text


def cleaned(text: str) -> str:
    """A caller's text as it may be stored and shown: secrets and tokens masked, what prints nothing replaced."""
    text = masked(text)
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else REPLACED for letter in text)


def cleaned_json(value: Any) -> Any:
    """JSON with every text in it cleaned, names of members too."""
    if isinstance(value, str):
        return cleaned(value)
    if isinstance(value, dict):
        return {cleaned(name): cleaned_json(member) for name, member in value.items()}
    if isinstance(value, list):
        return [cleaned_json(member) for member in value]
    return value


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
        """A step of the road is behind the request; `columns` is what it found out."""
        self.columns.update(columns)
        self.steps.append((step, columns))
