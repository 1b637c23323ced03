"""Whether a committed row survives a power cut, and holds any text: asked of the database, not assumed."""

import os
from contextlib import suppress
from typing import Any

from django.db import Error

SQLITE_FULL = 2

FileIdentity = tuple[int, int] | None
"""Device and inode; None if no file is there."""


def files_of(connection: Any) -> tuple[FileIdentity, FileIdentity] | None:
    """What stands where SQLite's file and its write-ahead log do; None for PostgreSQL and for what lies in memory."""
    if connection.vendor != "sqlite" or connection.is_in_memory_db():
        return None
    path = connection.settings_dict["NAME"]
    return _identity(path), _identity(f"{path}-wal")


def _identity(path: str) -> FileIdentity:
    try:
        found = os.stat(path)  # noqa: PTH116 - on the path of every token
    except OSError:
        return None
    return found.st_dev, found.st_ino


def note_opened_files(connection: Any, **_signal: Any) -> None:
    """On connecting, when both are open: remember which they are."""
    connection.opened_files = files_of(connection)


def lost_file(connection: Any) -> str | None:
    """What was moved, deleted or replaced under SQLite's connection, and the mend: what it writes now may be lost."""
    found = files_of(connection)
    opened = getattr(connection, "opened_files", None) if connection.connection else None
    if found == opened or found is None:
        return None
    if opened is not None and found == (opened[0], found[1]) and opened[1] is None:
        # A file that was empty gets its log with its first table.
        connection.opened_files = found
        return None
    path = connection.settings_dict["NAME"]
    if found[0] is None:
        return f"The database file {path} is missing: put it back, and its -wal and -shm where those were moved, too."
    if opened is None:
        return None
    if found[0] != opened[0]:
        return f"The database file {path} was moved or deleted, and another stands in its place: restart the server."
    return (
        f"The file {path}-wal, which holds the newest rows, was moved or deleted: restart the server. It has written "
        "the rows into the database file."
    )


def save_rows(connection: Any) -> None:
    """Write what stands in SQLite's write-ahead log into the file: once deleted, the log goes with its last reader.

    Waits for nobody.
    """
    with suppress(Error), connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")


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
