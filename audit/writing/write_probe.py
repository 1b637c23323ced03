"""A write that leaves nothing: whether the database would take a row of the record now."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from audit.models import IssuanceEvent, Outcome

PATIENCE = 2
"""Seconds that a probe waits for a lock, or for anything else of PostgreSQL."""
FILLING = 1_100
"""Bytes of random text in the probe's row: it does not fit where the next row would not, and cannot be compressed.

Some 1,500 characters: PostgreSQL puts longer rows elsewhere.
"""


def probe(*, thoroughly: bool) -> None:
    """Raise what the database raises where it would take no row.

    Thoroughly: by a row that is inserted and rolled back, in a transaction that commits. It takes no id of the
    sequence, but on PostgreSQL the space of a row until the next vacuum: so what is not thorough asks there for the
    lock and the privilege, and inserts no row. On SQLite every probe is thorough.
    """
    if connection.vendor == "sqlite":
        with _busy_timeout(PATIENCE * 1000), transaction.atomic():
            _insert_and_roll_back()
            _write_a_page()
        return
    with limited_transaction():
        if thoroughly:
            _insert_and_roll_back()
        else:
            _insert_no_row()


@contextmanager
def limited_transaction() -> Iterator[None]:
    """PostgreSQL alone: its statements give up after PATIENCE seconds. A pooler's session is not left so."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}s'")
            cursor.execute(f"SET LOCAL statement_timeout = '{PATIENCE}s'")
        yield


@contextmanager
def _busy_timeout(milliseconds: int) -> Iterator[None]:
    """For the length of the block, of SQLite's connection."""
    connection.ensure_connection()
    link: Any = connection.connection
    (before,) = link.execute("PRAGMA busy_timeout").fetchone()
    link.execute(f"PRAGMA busy_timeout = {milliseconds}")
    try:
        yield
    finally:
        link.execute(f"PRAGMA busy_timeout = {before}")


def _insert_and_roll_back() -> None:
    with transaction.atomic():
        # An id of its own: of two probes with the same one the second would wait for the first.
        IssuanceEvent(
            pk=-1 - secrets.randbelow(2**62),
            at=timezone.now(),
            request_id="probe",
            outcome=Outcome.REFUSED,
            http_status=503,
            error="temporarily_unavailable",
            scope=secrets.token_urlsafe(FILLING),
        ).save(force_insert=True)
        transaction.set_rollback(True)


def _write_a_page() -> None:
    """What was rolled back is not written: a number of the file's header that nobody reads is."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA user_version")
        (version,) = cursor.fetchone()
        cursor.execute(f"PRAGMA user_version = {version}")


def _insert_no_row() -> None:
    table = IssuanceEvent._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} (id) SELECT 1 WHERE false")
