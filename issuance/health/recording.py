"""Whether this process can record, without which it issues no token."""

from django.db import Error as DatabaseFailure
from django.db import connection

from audit.writing.failover import leave_if_read_only
from audit.writing.record_health import RECORD_HEALTH, Gap, reason_of
from audit.writing.record_mends import mend_of
from audit.writing.write_probe import probe

IDLE_AFTER = 5.0
"""Seconds after the last row from which a probe is written instead."""


def recording_problems() -> list[str]:
    """The requests tell; a probe does where none came lately, and after one that failed."""
    lasting = RECORD_HEALTH.gap
    if lasting or RECORD_HEALTH.seconds_since_success >= IDLE_AFTER:
        _try_to_write(thoroughly=lasting is not None)
    return gap_problems()


def gap_problems() -> list[str]:
    """What is known without asking the database."""
    return [_in_words(gap)] if (gap := RECORD_HEALTH.gap) else []


def first_row_problems() -> list[str]:
    """A process that could record before may do so again, and serves documents meanwhile. One that never could is
    no use: it must not take the place of one that can.
    """
    if RECORD_HEALTH.gap and not RECORD_HEALTH.has_succeeded:
        return ["This process has not been able to record since it started."]
    return []


def _try_to_write(*, thoroughly: bool) -> None:
    try:
        probe(thoroughly=thoroughly)
    except DatabaseFailure as failure:
        RECORD_HEALTH.failed(reason_of(failure), requests=0)
        leave_if_read_only(connection, failure)
    else:
        RECORD_HEALTH.succeeded()


def _in_words(gap: Gap) -> str:
    return (
        f"No row of the record could be written since {gap.since:%Y-%m-%d %H:%M:%S} UTC, so no token is issued: "
        f"{gap.reason.rstrip('.')}. {mend_of(gap.reason)}"
    )
