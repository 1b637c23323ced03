"""Tasks that are tried each on its own: when one fails, its reason is noted and the next one is still tried."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from django.core.exceptions import ValidationError
from django.db import Error as DatabaseFailure
from django.db import connection

from keys.encryption import KeyUnreadableError
from keys.record_key import NoRecordKeyError
from runtime.outbound.posting import NotSentError

T = TypeVar("T")
TOLD_IN_FULL = (KeyUnreadableError, NoRecordKeyError, NotSentError)
"""Errors whose text says what to do."""

log = structlog.get_logger("upkeep")


@dataclass(frozen=True, slots=True)
class Failure:
    """A maintenance task that failed, and why, in words for people. The report and the log call it `chore`."""

    chore: str
    reason: str


class Attempts:
    """Those of one run. Collects what failed."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._began = time.monotonic()
        self._failed: list[Failure] = []

    @property
    def failed(self) -> tuple[Failure, ...]:
        return tuple(self._failed)

    @property
    def now(self) -> datetime:
        """The instant that the run has come to."""
        return self._now + timedelta(seconds=time.monotonic() - self._began)

    def of(self, chore: str, act: Callable[[datetime], T], *, otherwise: T) -> T:
        """What the act returns; `otherwise` if it raises any error, since the tasks after it have still to be done."""
        try:
            return act(self._now)
        except Exception as error:
            log.debug("chore_failed", chore=chore, exc_info=True)
            self._failed.append(Failure(chore=chore, reason=_reason(error)))
            # A connection that a restart of the database cut is opened again.
            connection.close_if_unusable_or_obsolete()
            return otherwise


def _reason(error: Exception) -> str:
    """The first line of the error's text: further ones may quote a row."""
    if isinstance(error, ValidationError):
        return " ".join(error.messages)
    first_line = str(error).partition("\n")[0]
    if isinstance(error, TOLD_IN_FULL):
        return first_line
    if isinstance(error, DatabaseFailure):
        return (
            f"The database failed: {first_line}. The next run tries again; /readyz says how the database is."
        )
    return f"{type(error).__name__}: {first_line}. The next run tries again; LOG_LEVEL=DEBUG shows where it failed."
