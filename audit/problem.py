"""A finding of a verification: something in the record differs from what was sealed."""

from dataclasses import dataclass
from hashlib import sha256

SEPARATOR = "\n"


@dataclass(frozen=True, slots=True)
class Problem:
    what: str
    """A row (`audit_issuanceevent 17`), a checkpoint, a tombstone or a line of a file."""
    why: str
    seen: str = ""
    """The values that show the problem, for people."""
    evidence: str = ""
    """The kind, and the hashes of what was sealed and of what is there now (audit/verification/evidence.py).

    Empty: the finding cannot be acknowledged.
    """

    def __str__(self) -> str:
        return f"{self.what}: {self.why}"

    @property
    def finding(self) -> str:
        """Its identity: 128 bits in hexadecimal, the same as long as exactly this is found. Empty without evidence."""
        if not self.evidence:
            return ""
        return sha256(f"{self.what}{SEPARATOR}{self.evidence}".encode()).hexdigest()[:32]

    @property
    def line(self) -> str:
        """The whole finding, for an auditor."""
        seen = f" ({self.seen})" if self.seen else ""
        finding = f" [finding {self.finding}]" if self.evidence else ""
        return f"{self}{seen}{finding}"
