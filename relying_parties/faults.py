"""What is stored of a relying party past the checks of its form, in an older version or by SQL.

What cannot be read is left out of its snapshot and named, so that a request is refused with a reason.
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
    """Those found so far."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def read(self, what: str, reader: Callable[[], T], *, instead: T) -> T:
        """What the reader returns; where it cannot read what is stored, `instead`, and a fault."""
        try:
            return reader()
        except UNREADABLE as error:
            reason = " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
            self.add(f"{what}: {reason}")
            return instead

    def add(self, fault: str) -> None:
        self.found.append(fault[:MAX_REASON])
