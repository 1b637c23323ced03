"""The test database, set back to the fixed cast before each test.

The record's triggers forbid what Django's own test cases do: delete, or hold a transaction open
around the test.
"""

import sqlite3
import time
from typing import Protocol

from django.db import connection

from console.login import FAILURES as FAILED_LOGINS
from issuance import flood
from issuance.quota import QUOTAS
from issuance.throttle import FAILURES
from issuers import revision
from issuers.models import ConfigurationRevision

BASELINE = "baseline"
"""The schema that holds PostgreSQL's copies."""


class Baseline(Protocol):
    """A copy of the database as it stands when this is made."""

    def restore(self) -> None: ...
    def close(self) -> None: ...


def take_baseline() -> Baseline:
    # A mutation run has several sessions in one process: no revision comes twice in those either.
    ConfigurationRevision.objects.update(number=time.time_ns() // 1000)
    return SqliteBaseline() if connection.vendor == "sqlite" else PostgresqlBaseline()


def set_back(baseline: Baseline) -> None:
    """Restore the database, and let this process forget what it read: no revision comes twice."""
    last = ConfigurationRevision.objects.get().number
    baseline.restore()
    ConfigurationRevision.objects.update(number=last + 1)
    revision.forget()
    flood.COUNTS.take()
    for window in (FAILURES, FAILED_LOGINS, QUOTAS, flood.BUDGET, flood.TOTAL, flood.TOLD):
        window._local._buckets.clear()


class SqliteBaseline:
    """Pages are copied by SQLite's backup API, triggers and all."""

    def __init__(self) -> None:
        self._copy = sqlite3.connect(":memory:")
        connection.ensure_connection()
        connection.connection.backup(self._copy)

    def restore(self) -> None:
        connection.ensure_connection()
        self._copy.backup(connection.connection)

    def close(self) -> None:
        self._copy.close()


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
                *(_copy_back(table) for table in tables),
                *(_set_sequence(name, last) for name, last in sequences),
            ]
            body = " ".join(["$$ BEGIN", *statements, "END $$"])
            cursor.execute(f"CREATE FUNCTION {BASELINE}.restore() RETURNS void LANGUAGE plpgsql AS {body}")

    def restore(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {BASELINE}.restore()")

    def close(self) -> None:
        """The schema goes with the database."""


def _copy_back(table: str) -> str:
    copies = f'SELECT * FROM {BASELINE}."{table}"'  # noqa: S608
    return f'DELETE FROM public."{table}"; INSERT INTO public."{table}" OVERRIDING SYSTEM VALUE {copies};'  # noqa: S608


def _set_sequence(name: str, last: int | None) -> str:
    value, is_called = (1, "false") if last is None else (last, "true")
    return f"PERFORM setval('public.\"{name}\"', {value}, {is_called});"
