"""Whether a committed row survives a power cut, and holds any text: asked of the database, not assumed."""

import os
from typing import Any

SQLITE_FULL = 2

FileIdentity = tuple[int, int]


def file_identity(connection: Any) -> FileIdentity | None:
    """The file that now stands where the connection's database does; None if none does, or it is in memory."""
    if connection.vendor != "sqlite":
        return None
    try:
        found = os.stat(connection.settings_dict["NAME"])  # noqa: PTH116 - on the path of every token
    except OSError:
        return None
    return found.st_dev, found.st_ino


def note_opened_file(connection: Any, **_signal: Any) -> None:
    """On connecting: remember which file was opened."""
    connection.opened_file = file_identity(connection)


def was_replaced(connection: Any) -> bool:
    """Whether the database file was moved or deleted under the connection: what it writes now is lost."""
    opened = getattr(connection, "opened_file", None)
    return opened is not None and file_identity(connection) != opened


def problems(connection: Any) -> list[str]:
    """What makes a row less than durable or whole, in words that say the mend."""
    check = {"sqlite": _sqlite_problems, "postgresql": _postgresql_problems}[connection.vendor]
    found: list[str] = check(connection)
    return found


def _sqlite_problems(connection: Any) -> list[str]:
    synchronous = int(_value(connection, "PRAGMA synchronous"))
    return [] if synchronous >= SQLITE_FULL else ["SQLite runs with PRAGMA synchronous below FULL."]


def _postgresql_problems(connection: Any) -> list[str]:
    wanted = {"synchronous_commit": {"on", "remote_apply", "remote_write"}, "fsync": {"on"}}
    found = {name: _value(connection, f"SHOW {name}") for name in wanted}
    unsafe = [
        f"PostgreSQL runs with {name} = {value}: set it on."
        for name, value in found.items()
        if value not in wanted[name]
    ]
    encoding = _value(connection, "SHOW server_encoding")
    if encoding != "UTF8":
        unsafe.append(
            f"The database's encoding is {encoding}, which cannot hold every text: move to one that was made by "
            "CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0."
        )
    return unsafe


def _value(connection: Any, query: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]
