"""What the statements about the record say. Each is a JWT of its own kind, `typ`, signed by a key of the record.

A checkpoint's claims: `iss`, `number`, `at`, `previous` (SHA-256 of the text of the statement before, in hexadecimal;
empty for the first), `root` (of the leaves, RFC 9162 section 2.1, in hexadecimal), `rows`, `columns` (by table, the
names of the columns that its leaves were made of: audit/sealing/sealed_columns.py).
A tombstone's: `iss`, `at`, `actor`, `reason`, `first`, `last`, `rows`, `leaves` (SHA-256 over the leaf hashes of the
range, in the order of their checkpoints, in hexadecimal).
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.conf import settings

from audit.models import Tombstone
from audit.sealing.leaf import instant

CHECKPOINT = "checkpoint+jwt"
TOMBSTONE = "tombstone+jwt"
MAX_ROWS = 50_000
"""Leaves of a checkpoint. A checkpoint with as many was not the last of its run."""

Reader = Callable[[str, str], dict[str, Any]]
"""The claims of a statement's text, of a kind. Raises ValueError, whose text says what is wrong with it."""


def owner() -> str:
    return f"{settings.PUBLIC_URL}/audit"


def digest(statement: str) -> str:
    """The next statement contains it."""
    return sha256(statement.encode()).hexdigest()


def checkpoint_claims(
    *, number: int, at: datetime, previous: str, root: bytes, rows: int, columns: Mapping[str, list[str]]
) -> dict[str, Any]:
    """`previous` is the text of the previous statement, empty for the first."""
    return {
        "iss": owner(),
        "number": number,
        "at": instant(at),
        "previous": digest(previous) if previous else "",
        "root": root.hex(),
        "rows": rows,
        "columns": columns,
    }


def tombstone_claims(tombstone: Tombstone, *, leaves: str) -> dict[str, Any]:
    return {
        "iss": owner(),
        "at": instant(tombstone.created_at),
        "actor": tombstone.actor,
        "reason": tombstone.reason,
        "first": tombstone.first_id,
        "last": tombstone.last_id,
        "rows": tombstone.row_count,
        "leaves": leaves,
    }
