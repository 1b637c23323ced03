"""Whether this process can issue: the problems by check."""

from collections.abc import Callable

from django.db import Error as DatabaseFailure
from django.db import connection

from issuance.documents import is_warm
from issuance.health.record import record_problems, seal_problems
from issuance.health.schema import migration_problems
from issuance.health.signing import key_problems, overdue_key_problems, unfinished_issuers
from issuers.turns import Turns

PROBES = Turns(1)
"""For what is asked of the database to know whether this server is ready: when it hangs, it holds one probe."""
FORGIVEN = {"database", "migrations", "issuers", "rotation", "seal"}
"""The checks that leave the server ready: degraded, for the issuers that work."""


def readiness() -> dict[str, list[str]]:
    """The problems by check; empty lists if there are none."""
    checks: dict[str, Callable[[], list[str]]] = {
        "migrations": migration_problems,
        "record": record_problems,
        "issuers": unfinished_issuers,
        "rotation": overdue_key_problems,
        "seal": seal_problems,
    }
    try:
        with PROBES.turn():
            connection.ensure_connection()
            found = {name: check() for name, check in checks.items()}
        # A token or HSM that hangs says so itself, to each probe.
        return {"database": []} | found | {"keys": key_problems()}
    except DatabaseFailure as error:
        missing = [] if is_warm() else ["This process never read the documents that it should serve."]
        return {"database": [f"The database does not answer: {type(error).__name__}."], "documents": missing}
