"""Several files that are applied together, as one: their order does not matter, and no object is in two of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from configuration.reading.document import Node, read
from configuration.reading.entries import Configuration, Entry, interpret
from configuration.reading.problems import InvalidConfigurationError, Problems
from configuration.reading.shape import SECTIONS


@dataclass(frozen=True, slots=True)
class SourceFile:
    """`name` is the name in its problems, empty for a single file. Its paths are relative to `folder`."""

    data: bytes = field(repr=False)
    folder: Path
    name: str = ""

    def document(self) -> Node:
        """Raises InvalidConfigurationError."""
        if not self.name:
            return read(self.data)
        try:
            return read(self.data).in_file(self.name)
        except InvalidConfigurationError as refusal:
            raise refusal.in_file(self.name) from refusal


def folders_of(files: Iterable[SourceFile]) -> Mapping[str, Path]:
    return {file.name: file.folder for file in files}


def interpret_all(documents: Sequence[Node], problems: Problems) -> Configuration:
    """The objects of all documents. What is wrong is noted and left out."""
    read_ones = [interpret(document, problems) for document in documents]
    sections = {
        section: tuple(entry for each in read_ones for entry in each.sections.get(section, ()))
        for section in SECTIONS
        if any(section in each.sections for each in read_ones)
    }
    for entries in sections.values():
        _refuse_in_two_files(entries, problems)
    names = dict.fromkeys(each.name for each in read_ones if each.name)
    return Configuration(name=", ".join(names), sections=sections)


def _refuse_in_two_files(entries: Iterable[Entry], problems: Problems) -> None:
    first: dict[object, Entry] = {}
    for entry in entries:
        if not entry.is_sound or entry.kind.may_repeat:
            continue
        other = first.setdefault(entry.identity, entry)
        if other.location.file != entry.location.file:
            where = f"{other.location.file}:{other.location.line}"
            problems.add(entry.location, f"This {entry.kind.noun} stands in {where} too: keep one of them.")
