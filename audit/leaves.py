"""The leaves of a checkpoint in one binary column, which says itself what it holds.

A section a table, in the order of names: length of the name (1 byte), the name (ASCII), how many (4 bytes, big-endian),
then of each row its id (8 bytes, big-endian) and its leaf hash (32 bytes), in the order of ids. The Merkle tree is over
all hashes in this order.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

ROW = 8 + 32


class Leaf(NamedTuple):
    table: str
    id: int
    hash: bytes


class BrokenLeavesError(ValueError):
    """The bytes are not in the form."""


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
