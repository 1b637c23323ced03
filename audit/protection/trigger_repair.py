"""Installing the record's triggers again where they are missing, switched off or altered; nothing else is changed."""

from datetime import datetime

from django.db import connection, transaction

from audit.models import OperationalEvent
from audit.protection import triggers
from audit.protection.schema import NEWER, schema
from audit.writing.operational_events import record_act


class TriggersRefusedError(Exception):
    """Nothing was installed; the text says why and what to do."""


def install_missing(now: datetime) -> list[str]:
    """The names of those that were missing; a sealed row names them, in the same transaction.

    Raises TriggersRefusedError, and the errors of the database.
    """
    found = schema()
    if found.unknown:
        raise TriggersRefusedError(f"{NEWER}: run this with the newer version, whose triggers it has.")
    if found.unapplied:
        raise TriggersRefusedError(" ".join(found.problems))
    with transaction.atomic():
        lost = triggers.missing(connection)
        if not lost:
            return []
        triggers.install_again(connection, lost)
        if left := triggers.missing(connection):
            raise TriggersRefusedError(f"These are still not as they were made: {', '.join(left)}.")
        record_act(
            OperationalEvent.Kind.TRIGGERS_INSTALLED,
            now=now,
            target=f"{len(lost)} triggers",
            detail=f"Missing, switched off or altered: {', '.join(lost)}.",
        )
    return lost
