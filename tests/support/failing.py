"""A database that refuses statements for the length of a block: of one kind on one table, or all that name a thing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, connection

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


@contextmanager
def away(name: str = "") -> Iterator[None]:
    """It answers no statement, or none that holds this name."""

    def asked(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if name in sql:
            raise OperationalError("it is away")
        return execute(sql, *rest)

    with connection.execute_wrapper(asked):
        yield
