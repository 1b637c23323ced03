"""Whether the record is protected, and sealed."""

from django.db import connection
from django.utils import timezone

from audit.protection import triggers
from audit.protection.schema import schema
from audit.sealing.unsealed import overdue_tables
from audit.writing import durability
from keys.record_key import NoRecordKeyError, record_key


def record_problems() -> list[str]:
    missing = [
        f"The trigger {name} of the record is missing, off or altered: run manage.py audit install-triggers, then "
        "manage.py audit verify, which tells whether rows were changed meanwhile."
        for name in _missing_triggers()
    ]
    return missing + durability.problems(connection)


def _missing_triggers() -> list[str]:
    """Another version's tables have the triggers of that version, by the same names, and may be fewer."""
    if schema().is_ours:
        return triggers.missing(connection)
    there = connection.introspection.table_names()
    return triggers.missing(connection, [table for table in triggers.TABLES if table in there], by_name=True)


def seal_problems() -> list[str]:
    """Tokens go on; but what is not sealed can be changed unnoticed by who owns the database."""
    now = timezone.now()
    if schema().unapplied:
        return []  # Of tables that are not there yet nothing can be said.
    try:
        record_key(now)
    except NoRecordKeyError as error:
        return [str(error)]
    return [
        f"{table} has rows that are older than an hour and not sealed: run manage.py maintain, which seals them or "
        "says why it cannot."
        for table in overdue_tables(now)
    ]
