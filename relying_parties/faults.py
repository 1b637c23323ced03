"""Stored values of a relying party that its form would refuse, written by an older version or by SQL.

A value that cannot be read is left out of the snapshot and named, so that a request is refused with a reason.
"""

from collections.abc import Callable
from typing import TypeVar

import re2
from django.core.exceptions import ValidationError

T = TypeVar("T")

UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, ValidationError, re2.error)
MAX_REASON = 200
"""Characters of one fault."""


class Faults:
    """The faults that were found so far."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def read(self, what: str, reader: Callable[[], T], *, instead: T) -> T:
        """What the reader returns; where it cannot read the stored value, `instead`, and a fault is noted."""
        try:
            return reader()
        except UNREADABLE as error:
            reason = " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
            self.add(f"{what}: {reason}")
            return instead

    def add(self, fault: str) -> None:
        self.found.append(fault[:MAX_REASON])
