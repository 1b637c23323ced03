"""Statements of checkpoints that were kept elsewhere: they cannot be rewritten here."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from audit.models import Checkpoint
from audit.problem import Problem
from audit.sealing.chain import payload_of
from audit.sealing.checkpoints import digest


@dataclass(slots=True)
class Copies:
    """By number: the digest of the statement, removed when it is found here. And the problems of the file."""

    digests: dict[int, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    first: int | None = None
    """The lowest number in the file. All later ones were sent, in their order."""

    @classmethod
    def of(cls, lines: Iterable[str]) -> "Copies":
        """One statement a line. After a power cut the start of a line may precede the complete line."""
        copies = cls()
        numbered = enumerate((line.strip() for line in [*lines, ""]), start=1)
        for (number, line), (_, following) in pairwise(numbered):
            if line and not (line != following and following.startswith(line)):
                copies._add(number, line)
        return copies

    def _add(self, at: int, line: str) -> None:
        number = payload_of(line).get("number")
        if not isinstance(number, int) or isinstance(number, bool):
            self.problems.append(Problem(f"line {at} of the file", "it is not a statement of a checkpoint"))
            return
        self.first = number if self.first is None else min(number, self.first)
        if self.digests.setdefault(number, digest(line)) != digest(line):
            self.problems.append(
                Problem(
                    f"line {at} of the file",
                    f"it has another statement of checkpoint {number} than an earlier line",
                )
            )

    def problems_of(self, checkpoint: Checkpoint, *, sent_before: datetime) -> Iterator[str]:
        """A copy of a statement that was made before that instant has been sent by now."""
        kept = self.digests.pop(checkpoint.number, None)
        is_due = self.first is not None and checkpoint.number > self.first
        if kept is None and is_due and checkpoint.created_at < sent_before:
            yield "it is not in the file, though those before it are: see that checkpoints are still sent"
        if kept is not None and kept != digest(checkpoint.statement):
            yield "it was rewritten: its statement is another one in the file"

    def missing(self) -> Iterator[Problem]:
        """Of the statements that were not found here."""
        for number in sorted(self.digests):
            yield Problem(f"checkpoint {number}", "it is in the file and is missing here")
