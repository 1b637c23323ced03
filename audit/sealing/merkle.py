"""Merkle trees over leaf hashes (RFC 9162 section 2.1). Hashes are 32 bytes, of SHA-256."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

SIZE = 32
"""Bytes of a hash."""


def leaf_hash(content: bytes) -> bytes:
    return sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root hash. Halving at the largest power of two equals pairing level by level, where an odd one moves up."""
    if not leaves:
        return sha256(b"").digest()
    level = list(leaves)
    while len(level) > 1:
        level = _level_above(level)
    return level[0]


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The sibling hashes on the path from the leaf to the root, the lowest first (section 2.1.3.1)."""
    level, proof = list(leaves), []
    while len(level) > 1:
        beside = index ^ 1
        if beside < len(level):
            proof.append(level[beside])
        level, index = _level_above(level), index // 2
    return proof


def root_from_proof(leaf: bytes, *, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """The root that the proof leads to (section 2.1.3.2); None if the proof does not fit this index and size."""
    if not 0 <= index < size:
        return None
    found, left, last = leaf, list(proof), size - 1
    while last:
        if index % 2 or index < last:
            if not left:
                return None
            beside = left.pop(0)
            found = node_hash(beside, found) if index % 2 else node_hash(found, beside)
        index, last = index // 2, last // 2
    return None if left else found


@dataclass(frozen=True, slots=True)
class Tree:
    """All levels of a tree, for many proofs; each level is its hashes in a row. The leaves come first."""

    levels: tuple[bytes, ...]

    @classmethod
    def of(cls, leaves: Sequence[bytes]) -> "Tree":
        level, levels = list(leaves), [b"".join(leaves)]
        while len(level) > 1:
            level = _level_above(level)
            levels.append(b"".join(level))
        return cls(tuple(levels))

    @property
    def size(self) -> int:
        return len(self.levels[0]) // SIZE

    def leaf_hash(self, index: int) -> bytes:
        return self.levels[0][SIZE * index : SIZE * (index + 1)]

    def inclusion_proof(self, index: int) -> list[bytes]:
        """The sibling hashes on the path from the leaf to the root, the lowest first (section 2.1.3.1)."""
        proof = []
        for level in self.levels[:-1]:
            start = SIZE * (index ^ 1)
            if start < len(level):
                proof.append(level[start : start + SIZE])
            index //= 2
        return proof


def _level_above(level: list[bytes]) -> list[bytes]:
    pairs = zip(level[::2], level[1::2], strict=False)
    above = [node_hash(left, right) for left, right in pairs]
    return [*above, level[-1]] if len(level) % 2 else above
