"""Pruned ranges: whether each has a signed tombstone, and contained the leaves that the tombstone names."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from audit.models import Tombstone
from audit.problem import Problem
from audit.sealing.chain import header_of
from audit.sealing.checkpoints import TOMBSTONE, Reader, tombstone_claims
from audit.sealing.leaves import Leaf


@dataclass(slots=True)
class Range:
    """A valid tombstone, with what the checkpoints contain for its range."""

    tombstone: Tombstone
    stated: str
    """The digest of its leaves."""
    leaves: Any = field(default_factory=sha256)
    rows: int = 0

    def __str__(self) -> str:
        stone = self.tombstone
        reason = f": {stone.reason}" if stone.reason else ""
        return (
            f"rows {stone.first_id} to {stone.last_id} ({stone.row_count}) were pruned by {stone.actor} "
            f"at {stone.created_at:%Y-%m-%d %H:%M} UTC{reason}"
        )


class Tombstones:
    def __init__(self, read: Reader) -> None:
        self.forged: list[Problem] = []
        self.valid: list[Range] = []
        for stone in Tombstone.objects.order_by("first_id"):
            self._add(stone, read)

    def _add(self, stone: Tombstone, read: Reader) -> None:
        name = f"tombstone {stone.pk}"
        try:
            claims = read(stone.statement, TOMBSTONE)
        except ValueError as error:
            self.forged.append(Problem(name, f"its statement is not the record's: {error}"))
            return
        leaves = str(claims.get("leaves"))
        expected = tombstone_claims(stone, leaves=leaves) | {"iss": claims.get("iss")}
        if claims != expected or header_of(stone.statement).get("kid") != stone.kid:
            self.forged.append(Problem(name, "its row does not say what its statement says"))
            return
        self.valid.append(Range(tombstone=stone, stated=leaves))

    def range_of(self, pk: int) -> Range | None:
        at = bisect_right(self.valid, pk, key=lambda span: span.tombstone.first_id) - 1
        return self.valid[at] if at >= 0 and pk <= self.valid[at].tombstone.last_id else None

    def count(self, leaves: Iterable[Leaf]) -> None:
        """The leaves of the record's rows, in the order of their checkpoints."""
        for leaf in leaves:
            span = self.range_of(leaf.id)
            if span is not None:
                span.leaves.update(leaf.hash)
                span.rows += 1

    def problems(self) -> Iterator[Problem]:
        """The ranges that were found to contain other leaves, when all are counted."""
        for span in self.valid:
            if (span.rows, span.leaves.hexdigest()) != (span.tombstone.row_count, span.stated):
                yield Problem(
                    f"tombstone {span.tombstone.pk}",
                    "the checkpoints hold other rows in its range than it says",
                )
