"""Whether SQLite's indexes contain every row: a manipulated index hides rows from pages and exports."""

from collections.abc import Iterator

from django.db import connection

from audit.problem import Problem
from audit.sealing.leaf import SealedTable


def index_problems(table: SealedTable) -> Iterator[Problem]:
    """Empty for PostgreSQL: the owner of a table cannot change the content of its indexes there."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA integrity_check({connection.ops.quote_name(table.name)})")
        lines = [str(line) for (line,) in cursor.fetchall()]
    yield from (Problem(table.name, f"its index is broken: {line}") for line in lines if " index " in line)
