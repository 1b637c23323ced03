"""A database that refuses one kind of statement on one table, or for some of its rows, for the length of a block."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

REFUSE = """
CREATE OR REPLACE FUNCTION tests_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$
"""


@contextmanager
def refusing(event: str, table: str, *, when: str = "true") -> Iterator[None]:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            create = f"CREATE TRIGGER tests_refuse BEFORE {event} ON {table} WHEN {when}"
            cursor.execute(f"{create} BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")
            drop = "DROP TRIGGER tests_refuse"
        else:
            cursor.execute(REFUSE)
            create = f"CREATE TRIGGER tests_refuse BEFORE {event} ON {table}"
            cursor.execute(f"{create} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION tests_refuse()")
            drop = f"DROP TRIGGER tests_refuse ON {table}"
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(drop)
