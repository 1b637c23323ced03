"""Whether this process can issue: the problems by check."""

from collections.abc import Callable, Mapping

from django.db import Error as DatabaseFailure
from django.db import OperationalError, connection

from audit.writing import durability
from audit.writing.record_health import reason_of
from audit.writing.write_probe import limited_transaction
from issuance.discovery.documents import is_warm
from issuance.health.client_secrets import client_secret_problems
from issuance.health.record import record_problems, seal_problems
from issuance.health.recording import first_row_problems, gap_problems, recording_problems
from issuance.health.schema import migration_problems
from issuance.health.signing import key_problems, overdue_key_problems, unfinished_issuers
from runtime.slots import StuckError

Problems = Mapping[str, list[str]]
"""By check; an empty list where all is well."""

FORGIVEN = {"database", "migrations", "recording", "issuers", "rotation", "seal"}
"""The checks that leave the server ready: degraded, for the issuers that work and for who asks for documents."""


Check = Callable[[], list[str]]
READING: Mapping[str, Check] = {
    "migrations": migration_problems,
    "record": record_problems,
    "peppers": client_secret_problems,
    "issuers": unfinished_issuers,
    "rotation": overdue_key_problems,
    "seal": seal_problems,
}
"""What is only read."""
TRYING: Mapping[str, Check] = {
    "recording": recording_problems,
    "first row": first_row_problems,
    "keys": key_problems,
}
"""What is tried, in the database or with a key, and has a limit of its own."""


def readiness() -> Problems:
    """Asked of the database, and of the tokens that hold keys."""
    try:
        _reach_database()
        tried = {name: _problems_of(check) for name, check in TRYING.items()}
        return {"database": [], **tried, **{name: _read(check) for name, check in READING.items()}}
    except DatabaseFailure as failure:
        return without_database(failure)


def without_database(failure: Exception) -> Problems:
    missing = [] if is_warm() else ["This process never read the documents that it should serve."]
    # What PostgreSQL says names its host and user.
    is_file = connection.vendor == "sqlite" and not isinstance(failure, StuckError)
    why = reason_of(failure).rstrip(".") if is_file else type(failure).__name__
    return {
        "database": [f"The database does not answer: {why}."],
        "documents": missing,
        "recording": gap_problems(),
        "first row": first_row_problems(),
    }


def _read(check: Check) -> list[str]:
    """On SQLite a reader waits for nobody; PostgreSQL may let it wait for a lock."""
    if connection.vendor == "sqlite":
        return _problems_of(check)
    return _problems_of(limited_transaction()(check))


def _problems_of(check: Check) -> list[str]:
    """Raises DatabaseFailure if the database does not answer; what it answers in place of a row is a problem."""
    try:
        return check()
    except StuckError:
        raise
    except DatabaseFailure as failure:
        _reach_database()
        return [f"The database cannot tell: {reason_of(failure)}."]


def _reach_database() -> None:
    """A connection that a restart of the database cut is made again. Raises DatabaseFailure."""
    try:
        _ask_database()
    except DatabaseFailure:
        connection.close()
        _ask_database()


def _ask_database() -> None:
    if lost := durability.lost_file(connection):
        durability.save_rows(connection)
        raise OperationalError(lost)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
