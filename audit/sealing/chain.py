"""Whether each checkpoint is what its statement says, and follows the one before."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from typing import Any

from audit.models import Checkpoint
from audit.sealing import merkle
from audit.sealing.checkpoints import CHECKPOINT, Reader, checkpoint_claims
from audit.sealing.leaves import BrokenLeavesError, Leaf, unpacked


class Chain:
    """The checkpoints in the order of their numbers, each passed in once."""

    def __init__(self, read: Reader) -> None:
        self._read = read
        self._previous: Checkpoint | None = None

    def missing_before(self, checkpoint: Checkpoint) -> range:
        """The numbers between the one before and this one."""
        return range(self._previous.number + 1 if self._previous else 1, checkpoint.number)

    def problems(self, checkpoint: Checkpoint, leaves: list[Leaf] | None) -> Iterator[str]:
        """`leaves` None: the column cannot be read."""
        previous, self._previous = self._previous, checkpoint
        if checkpoint.previous_id != (previous.pk if previous else None):
            yield "its row does not name the one before"
        try:
            claims = self._read(checkpoint.statement, CHECKPOINT)
        except ValueError as error:
            yield f"its statement is not the record's: {error}"
            return
        yield from _differences(checkpoint, previous.statement if previous else "", claims)
        if leaves is not None:
            yield from _leaf_problems(leaves, claims)


def leaves_of(checkpoint: Checkpoint) -> list[Leaf] | None:
    """None if the column cannot be read."""
    try:
        return unpacked(bytes(checkpoint.leaves))
    except (BrokenLeavesError, IndexError):
        return None


def _differences(checkpoint: Checkpoint, previous: str, claims: dict[str, Any]) -> Iterator[str]:
    expected = checkpoint_claims(
        number=checkpoint.number,
        at=checkpoint.created_at,
        previous=previous,
        root=b"",
        rows=checkpoint.row_count,
        columns={},
    ) | {"root": checkpoint.root}
    # PUBLIC_URL may have changed since, and no column of the row names the columns of its leaves.
    for name in expected.keys() - {"iss", "columns"}:
        if claims.get(name) == expected[name]:
            continue
        yield (
            "it does not follow the statement that the one before has now"
            if name == "previous"
            else f"its row says another {name} than its statement"
        )
    if header_of(checkpoint.statement).get("kid") != checkpoint.kid:
        yield "its row says another kid than its statement"


def _leaf_problems(leaves: list[Leaf], claims: dict[str, Any]) -> Iterator[str]:
    places = [(leaf.table, leaf.id) for leaf in leaves]
    if places != sorted(set(places)):
        yield "its leaves are not in order"
    if len(leaves) != claims.get("rows"):
        yield "it has another number of leaves than its statement says"
    if merkle.root([leaf.hash for leaf in leaves]).hex() != claims.get("root"):
        yield "its leaves do not lead to the root of its statement"
    # The first checkpoints were made before statements named columns.
    columns = claims.get("columns", dict.fromkeys(leaf.table for leaf in leaves))
    if not isinstance(columns, dict) or columns.keys() != {leaf.table for leaf in leaves}:
        yield "its leaves are of other tables than its statement names"


def header_of(statement: str) -> dict[str, Any]:
    """Unverified; empty if there is none."""
    return _json(statement.partition(".")[0])


def payload_of(statement: str) -> dict[str, Any]:
    """Unverified; empty if there is none."""
    return _json(statement.partition(".")[2].partition(".")[0])


def _json(part: str) -> dict[str, Any]:
    try:
        value = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
