"""Whether a committed row survives a power cut: asked of the database, not assumed."""

from typing import Any

SQLITE_FULL = 2


def problems(connection: Any) -> list[str]:
    """What makes a commit less than durable, in words that say the mend."""
    check = {"sqlite": _sqlite_problems, "postgresql": _postgresql_problems}[connection.vendor]
    found: list[str] = check(connection)
    return found


def _sqlite_problems(connection: Any) -> list[str]:
    synchronous = int(_value(connection, "PRAGMA synchronous"))
    return [] if synchronous >= SQLITE_FULL else ["SQLite runs with PRAGMA synchronous below FULL."]


def _postgresql_problems(connection: Any) -> list[str]:
    wanted = {"synchronous_commit": {"on", "remote_apply", "remote_write"}, "fsync": {"on"}}
    found = {name: _value(connection, f"SHOW {name}") for name in wanted}
    return [
        f"PostgreSQL runs with {name} = {value}: set it on."
        for name, value in found.items()
        if value not in wanted[name]
    ]


def _value(connection: Any, query: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]
