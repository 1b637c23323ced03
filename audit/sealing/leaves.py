"""The leaves of a checkpoint in one binary column, in a form that describes itself.

A section a table, in the order of names: length of the name (1 byte), the name (ASCII), how many (4 bytes, big-endian),
then of each row its id (8 bytes, big-endian) and its leaf hash (32 bytes), in the order of ids. The Merkle tree is over
all hashes in this order.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

ROW = 8 + 32


class Leaf(NamedTuple):
    table: str
    id: int
    hash: bytes


class Section(NamedTuple):
    """The rows of one table, as they are packed. `first` is the index of its first leaf in the tree."""

    table: str
    first: int
    rows: memoryview

    def index_of(self, row_id: int) -> int | None:
        """The row's index in the tree; None if the row is not here."""
        count = len(self.rows) // ROW
        place = bisect_left(range(count), row_id, key=self._id_at)
        return self.first + place if place < count and self._id_at(place) == row_id else None

    @property
    def range(self) -> tuple[int, int] | None:
        """The lowest and the highest id."""
        return (self._id_at(0), self._id_at(len(self.rows) // ROW - 1)) if self.rows else None

    def hashes(self) -> list[bytes]:
        return [bytes(self.rows[start + 8 : start + ROW]) for start in range(0, len(self.rows), ROW)]

    def _id_at(self, place: int) -> int:
        return int.from_bytes(self.rows[place * ROW : place * ROW + 8])


class BrokenLeavesError(ValueError):
    """The bytes do not have the form."""


def packed(leaves: Iterable[Leaf]) -> bytes:
    """The leaves, put in order."""
    sections = []
    for table, group in groupby(sorted(leaves), key=lambda leaf: leaf.table):
        rows = [leaf.id.to_bytes(8) + leaf.hash for leaf in group]
        sections += [bytes([len(table)]), table.encode("ascii"), len(rows).to_bytes(4), *rows]
    return b"".join(sections)


def unpacked(column: bytes) -> list[Leaf]:
    """Raises BrokenLeavesError."""
    return list(_sections(memoryview(column)))


def last_ids(column: bytes) -> dict[str, int]:
    """The greatest id of each table. Raises BrokenLeavesError."""
    left, found = memoryview(column), {}
    while left:
        table, rows, left = _section(left)
        if rows:
            found[table] = int.from_bytes(rows[-ROW : 8 - ROW])
    return found


def _sections(left: memoryview) -> Iterator[Leaf]:
    while left:
        table, rows, left = _section(left)
        for start in range(0, len(rows), ROW):
            yield Leaf(table, int.from_bytes(rows[start : start + 8]), bytes(rows[start + 8 : start + ROW]))


def _section(left: memoryview) -> tuple[str, memoryview, memoryview]:
    """The first table's name and rows, and what follows."""
    name_end = 1 + left[0]
    rows_start = name_end + 4
    rows_end = rows_start + ROW * int.from_bytes(left[name_end:rows_start])
    if rows_end > len(left):
        raise BrokenLeavesError("The leaves are cut off.")
    try:
        table = bytes(left[1:name_end]).decode("ascii")
    except UnicodeDecodeError as error:
        raise BrokenLeavesError("A table's name is not ASCII.") from error
    return table, left[rows_start:rows_end], left[rows_end:]


def sections(column: bytes) -> list[Section]:
    """Each table's section, in order, without unpacking its rows. Raises BrokenLeavesError."""
    found: list[Section] = []
    first, left = 0, memoryview(column)
    while left:
        table, rows, left = _section(left)
        found.append(Section(table, first, rows))
        first += len(rows) // ROW
    return found
