"""Sealing as a task of maintenance: the record's key signs what `audit` hands it."""

from datetime import datetime
from typing import Any

from audit.sealing import sealer
from audit.sealing.checkpoints import CHECKPOINT, MAX_ROWS
from keys.record_key import record_key, signed_statement

MAX_CHECKPOINTS = 10
"""In one run: the rest of a long backlog waits for the next run, so that the other tasks run meanwhile."""


def seal(now: datetime, *, max_rows: int = MAX_ROWS, max_checkpoints: int = MAX_CHECKPOINTS) -> int:
    """Seal the new rows; the number of rows that this process sealed. Raises NoRecordKeyError."""
    return sealer.seal(now, sign=_signed, max_rows=max_rows, max_checkpoints=max_checkpoints)


def _signed(claims: dict[str, Any], now: datetime) -> tuple[str, str]:
    key = record_key(now)
    return key.kid, signed_statement(claims, kind=CHECKPOINT, key=key)
