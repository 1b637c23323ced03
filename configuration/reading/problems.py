"""What is wrong with a configuration file, and where."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A position in the file, counted from 1. `file` is its name where several are applied together, else empty."""

    file: str = field(default="", kw_only=True)
    line: int
    column: int


START = Location(line=1, column=1)
MAX_LINES = 100
"""If there are more problems, the first ones are named and the rest are counted."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    location: Location
    message: str


class InvalidConfigurationError(Exception):
    """The file cannot be applied; each problem says where and why, and nothing was changed."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = problems

    def in_file(self, name: str) -> "InvalidConfigurationError":
        """The same, with the name of this file in each position."""
        return InvalidConfigurationError(
            tuple(
                replace(problem, location=replace(problem.location, file=name)) for problem in self.problems
            )
        )

    def lines(self, filename: str) -> Iterator[str]:
        """`FILE:LINE:COLUMN: message`, in the order of the file."""
        for problem in self.problems[:MAX_LINES]:
            location = problem.location
            yield f"{location.file or filename}:{location.line}:{location.column}: {printable(problem.message)}"
        if (more := len(self.problems) - MAX_LINES) > 0:
            yield f"{filename}: {more} more problems."


class Problems:
    """Collects problems, so that one run reports as many as can be found."""

    def __init__(self) -> None:
        self.found: set[Problem] = set()

    def add(self, location: Location, message: str) -> None:
        self.found.add(Problem(location, message))

    def add_all(self, location: Location, messages: Iterable[str]) -> None:
        for message in messages:
            self.add(location, message)

    def refuse(self) -> None:
        """Raise InvalidConfigurationError if anything was found."""
        if self.found:
            raise InvalidConfigurationError(tuple(sorted(self.found)))


def printable(text: str) -> str:
    """The text on one line of a terminal: what is not printable is escaped."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text
    )
