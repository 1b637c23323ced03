"""Something in the record that is not as it was sealed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    what: str
    """A row (`audit_issuanceevent 17`), a checkpoint, a tombstone or a line of a file."""
    why: str

    def __str__(self) -> str:
        return f"{self.what}: {self.why}"
