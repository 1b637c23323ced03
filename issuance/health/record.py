"""Whether the record is protected, and sealed."""

from django.db import connection
from django.utils import timezone

from audit import durability, triggers
from audit.unsealed import overdue_tables
from keys.record_key import NoRecordKeyError, record_key


def record_problems() -> list[str]:
    missing = [
        f"The trigger {name} of the record is missing or off: manage.py migrate audit 0001, then manage.py migrate."
        for name in triggers.missing(connection)
    ]
    return missing + durability.problems(connection)


def seal_problems() -> list[str]:
    """Tokens go on; but what is not sealed can be changed unnoticed by who owns the database."""
    now = timezone.now()
    try:
        record_key(now)
    except NoRecordKeyError as error:
        return [str(error)]
    return [
        f"{table} has rows that are older than an hour and not sealed: run manage.py maintain, which seals them or "
        "says why it cannot."
        for table in overdue_tables(now)
    ]
