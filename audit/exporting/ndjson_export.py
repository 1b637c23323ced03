"""The record as JSON lines, by which anybody with the public keys can prove the rows (docs/audit.md).

The first line says what was asked for, the last how many rows there are: a file without it was cut off. A checkpoint
precedes the first row that it covers. Everything is ASCII, so that it survives every reader and transport.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.conf import settings

from audit.exporting.exported_rows import ExportedRow, ExportedRows
from audit.reading.filters import EventFilter
from audit.sealing.leaf import instant
from audit.sealing.seal_search import OpenCheckpoint, Seal

FORMAT = 1


def lines(rows: ExportedRows, *, event_filter: EventFilter, now: datetime) -> Iterator[str]:
    """Each ends with a line feed."""
    yield _line(export={
        "format": FORMAT, "at": instant(now), "chosen": str(event_filter), "keys": f"{settings.PUBLIC_URL}/audit/jwks",
    })  # fmt: skip
    exported: set[int] = set()
    for row in rows:
        if row.seal and row.seal.checkpoint.number not in exported:
            exported.add(row.seal.checkpoint.number)
            yield _checkpoint(row.seal.checkpoint)
        yield _event(row)
    yield _line(end={"rows": rows.given, "sealed": rows.sealed, "broken_checkpoints": rows.broken})


def _checkpoint(checkpoint: OpenCheckpoint) -> str:
    return _line(checkpoint={
        "number": checkpoint.number, "kid": checkpoint.kid, "statement": checkpoint.statement,
    })  # fmt: skip


def _event(row: ExportedRow) -> str:
    return _line(event=row.members, seal=_seal(row.seal) if row.seal else None)


def _seal(seal: Seal) -> dict[str, Any]:
    tree = seal.checkpoint.tree
    proof = [beside.hex() for beside in tree.inclusion_proof(seal.index)]
    return {"checkpoint": seal.checkpoint.number, "index": seal.index, "size": tree.size, "proof": proof}


def _line(**members: Any) -> str:
    return json.dumps(members, separators=(",", ":")) + "\n"
