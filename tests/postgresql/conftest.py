"""What only PostgreSQL has: its tests are not there on SQLite. Each gets a copy of the database, which it may alter."""

import fcntl
import subprocess
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import connection

from tests.support.cast import Cast
from tests.support.server import database_url

collect_ignore_glob = ["test_*.py"] if connection.vendor == "sqlite" else []


@pytest.fixture
def own_database(cast: Cast) -> Iterator[None]:
    """The cast's database, copied. Roles are of the whole cluster and stay."""
    shared = connection.settings_dict["NAME"]
    own = f"{shared}_own"
    dump = subprocess.run(
        ["pg_dump", "--schema=public", "--dbname", database_url()], check=True, capture_output=True
    )
    _on(shared, f'CREATE DATABASE "{own}" TEMPLATE template0')
    try:
        _on(own, "DROP SCHEMA public")
        psql("--quiet", content=dump.stdout)
        yield
    finally:
        connection.close()
        _on(shared, f'DROP DATABASE "{own}" WITH (FORCE)')
        connection.close()


def _on(database: str, sql: str) -> None:
    """From here on the connection is to that database."""
    if connection.settings_dict["NAME"] != database:
        connection.close()
        connection.settings_dict["NAME"] = database
    with connection.cursor() as cursor:
        cursor.execute(sql)


def psql(*arguments: str, content: bytes = b"") -> str:
    """Run as the documentation has it, in the database of the connection."""
    command = ["psql", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", *arguments, database_url()]
    with (settings.BASE_DIR / "manage.py").open() as file:
        # Roles are made by one test at a time.
        fcntl.flock(file, fcntl.LOCK_EX)
        done = subprocess.run(command, cwd=settings.BASE_DIR, input=content, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def run(sql: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []
