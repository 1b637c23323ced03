"""The test database, set back to the fixed cast before each test.

The record's triggers forbid what Django's own test cases do: delete, or hold a transaction open
around the test.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from django.db import connection
from django.db.backends.utils import CursorWrapper

from audit.writing.record_health import RECORD_HEALTH
from console.sign_in import failed_sign_ins
from console.sign_in.login_failures import CODE_FAILURES, CODE_FAILURES_OF_DAY, NETWORK_FAILURES
from console.sign_in.login_failures import FAILURES as FAILED_LOGINS
from issuance.client_auth.throttle import FAILURES
from issuance.recording import flood
from issuance.tokens.quota import QUOTAS
from issuers.models import ConfigurationRevision
from issuers.versioning import revision

BASELINE = "baseline"
"""The schema that holds PostgreSQL's copies."""
MANY = 40
"""Rows from which it is quicker to compare a table with its copy than to write it again."""
REVISION = ConfigurationRevision._meta.db_table


class Baseline(Protocol):
    """A copy of the database as it stands when this is made."""

    def restore(self, revision_number: int) -> None:
        """The copy in all but this: the number of the configuration's revision."""

    def close(self) -> None: ...


def take_baseline() -> Baseline:
    # A mutation run has several sessions in one process: no revision comes twice in those either.
    ConfigurationRevision.objects.update(number=time.time_ns() // 1000)
    return SqliteBaseline() if connection.vendor == "sqlite" else PostgresqlBaseline()


def set_back(baseline: Baseline) -> None:
    """Restore the database, and let this process forget what it read: no revision comes twice."""
    baseline.restore(ConfigurationRevision.objects.get().number + 1)
    revision.forget()
    flood.COUNTS.take()
    failed_sign_ins.COUNTS.take()
    RECORD_HEALTH.succeeded()
    RECORD_HEALTH.take_ended()
    for window in (
        FAILURES,
        FAILED_LOGINS,
        NETWORK_FAILURES,
        CODE_FAILURES,
        CODE_FAILURES_OF_DAY,
        QUOTAS,
        flood.BUDGET,
        flood.TOTAL,
        flood.TOLD,
        failed_sign_ins.BUDGET,
        failed_sign_ins.TOTAL,
    ):
        window._local._buckets.clear()


class SqliteBaseline:
    """Pages are copied by SQLite's backup API, triggers and all."""

    def __init__(self) -> None:
        self._copy = sqlite3.connect(":memory:")
        connection.ensure_connection()
        connection.connection.backup(self._copy)

    def restore(self, revision_number: int) -> None:
        with self._copy:
            self._copy.execute(f"UPDATE {REVISION} SET number = ?", [revision_number])  # noqa: S608
        connection.ensure_connection()
        with _without_waiting_for_the_disk(connection.connection):
            self._copy.backup(connection.connection)

    def close(self) -> None:
        self._copy.close()


@contextmanager
def _without_waiting_for_the_disk(database: sqlite3.Connection) -> Iterator[None]:
    """For what no crash needs to outlive. What a test writes is synced as in production."""
    (level,) = database.execute("PRAGMA synchronous").fetchone()
    database.execute("PRAGMA synchronous = OFF")
    try:
        yield
    finally:
        database.execute(f"PRAGMA synchronous = {level}")


class PostgresqlBaseline:
    """Rows are copied back from a schema of their own by one function, with the triggers off."""

    def __init__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE SCHEMA {BASELINE}")
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            tables = [name for (name,) in cursor.fetchall()]
            for table in tables:
                cursor.execute(f'CREATE TABLE {BASELINE}."{table}" AS TABLE public."{table}"')
            cursor.execute("SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'")
            sequences = cursor.fetchall()
            statements = [
                "SET LOCAL session_replication_role = replica;",
                # No crash needs to be outlived by this, and what a test writes is synced as in production.
                "SET LOCAL synchronous_commit = off;",
                # A row that a server is just committing would keep an ID that its sequence hands out again.
                f"LOCK TABLE {_written_by_servers(tables)} IN SHARE ROW EXCLUSIVE MODE;",
                *(_copy_back(cursor, table) for table in tables),
                *(_set_sequence(name, last) for name, last in sequences),
                f"UPDATE public.{REVISION} SET number = revision_number;",  # noqa: S608
            ]
            body = " ".join(["$$ BEGIN", *statements, "END $$"])
            arguments = "(revision_number bigint) RETURNS void LANGUAGE plpgsql"
            cursor.execute(f"CREATE FUNCTION {BASELINE}.restore{arguments} AS {body}")

    def restore(self, revision_number: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {BASELINE}.restore(%s)", [revision_number])

    def close(self) -> None:
        """The schema goes with the database."""


def _written_by_servers(tables: list[str]) -> str:
    return ", ".join(f'public."{table}"' for table in tables if table.startswith("audit_"))


def _copy_back(cursor: CursorWrapper, table: str) -> str:
    now, copy = f'public."{table}"', f'{BASELINE}."{table}"'
    cursor.execute(f"SELECT count(*) FROM {copy}")  # noqa: S608
    (rows,) = cursor.fetchone()
    delete = f"DELETE FROM {now};"  # noqa: S608
    if not rows:
        return delete
    write = f"{delete} INSERT INTO {now} OVERRIDING SYSTEM VALUE TABLE {copy};"
    if rows < MANY:
        return write
    differs = f"(SELECT count(*) FROM {now}) <> {rows} OR EXISTS (TABLE {copy} EXCEPT TABLE {now})"  # noqa: S608
    return f"IF {differs} THEN {write} END IF;"


def _set_sequence(name: str, last: int | None) -> str:
    value, is_called = (1, "false") if last is None else (last, "true")
    return f"PERFORM setval('public.\"{name}\"', {value}, {is_called});"
