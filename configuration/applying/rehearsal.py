"""On SQLite a change is rehearsed on temporary copies of the tables, and then written in one short transaction.

A writer of a SQLite file blocks all others, and so every token, whose row is written to the record. A temporary table
belongs to one connection, hides the table of the same name, and blocks nobody. So the change is checked and made there.
Then what it changed is copied into the file, in SQL, unless the configuration has changed meanwhile.
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import IntegrityError, connection, transaction

from issuers.models import ConfigurationRevision, Issuer, TopicRevision
from issuers.versioning.configuration import ConfigurationModel
from relying_parties.models import PepperCheck

WRITES = {sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE}
CREATE = re.compile(r'CREATE (TABLE|INDEX|UNIQUE INDEX) "')


class MovedError(IntegrityError):
    """The configuration was changed since the copies were made; nothing was written."""


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    key: str
    """The column of its primary key."""
    is_read: bool
    """Whether a change of the configuration depends on its rows; otherwise it only adds some."""

    @property
    def changed(self) -> str:
        """The temporary table that holds the primary keys of the changed rows."""
        return f"changed_{self.name}"


@contextmanager
def rehearsed() -> Iterator[None]:
    """Write everything that the block changes of the configuration in one short transaction. Raises MovedError."""
    tables = _tables()
    try:
        with _lock_when_writing(), transaction.atomic():
            revision = ConfigurationRevision.objects.get().number
            for prepare in (_create, _fill, _watch):
                for table in tables:
                    prepare(table)
            with _file_left_alone():
                yield
        try:
            _write(tables, revision=revision)
        except IntegrityError as error:
            raise MovedError("What was added is there meanwhile.") from error
    finally:
        _drop(tables)


def _tables() -> list[Table]:
    """Of the history only an issuer's is read: the lifetimes of its tokens (keys/lifecycle/retirement.py)."""
    configuration = _referred_to_first(
        [model for model in apps.get_models() if issubclass(model, ConfigurationModel)]
    )
    histories = [model.history.model for model in configuration]
    issuers: Any = Issuer
    read = [*configuration, issuers.history.model, PepperCheck, ConfigurationRevision]
    return [
        Table(model._meta.db_table, model._meta.pk.column, is_read=model in read)
        for model in [*configuration, *histories, PepperCheck, TopicRevision, ConfigurationRevision]
    ]


def _referred_to_first(models: Iterable[Any]) -> list[Any]:
    """In the order in which their rows can be added: SQLite copies a table without checking its foreign keys."""
    ordered: dict[Any, None] = {}

    def put(model: Any) -> None:
        for column in model._meta.concrete_fields:
            if column.is_relation and column.related_model not in (model, *ordered):
                put(column.related_model)
        ordered[model] = None

    for model in models:
        put(model)
    return list(ordered)


@contextmanager
def _lock_when_writing() -> Iterator[None]:
    """A transaction that begins in the block does not take the lock for writing before it writes to the file."""
    connection.ensure_connection()
    link: Any = connection
    mode, link.transaction_mode = link.transaction_mode, "DEFERRED"
    try:
        yield
    finally:
        link.transaction_mode = mode


@contextmanager
def _file_left_alone() -> Iterator[None]:
    """A statement that would write to the file raises DatabaseError: it would take the lock, and lack the rest."""

    def judge(action: int, _one: str | None, _other: str | None, schema: str | None, _by: str | None) -> int:
        return sqlite3.SQLITE_DENY if action in WRITES and schema == "main" else sqlite3.SQLITE_OK

    connection.connection.set_authorizer(judge)
    try:
        yield
    finally:
        connection.connection.set_authorizer(None)


def _create(table: Table) -> None:
    """A table of the same name and constraints."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sql FROM main.sqlite_master WHERE tbl_name = %s AND sql IS NOT NULL", [table.name]
        )
        statements = [statement for (statement,) in cursor.fetchall()]
        for statement in sorted(statements, key=lambda text: not text.startswith("CREATE TABLE")):
            cursor.execute(CREATE.sub(r'CREATE \1 temp."', statement, count=1))


def _fill(table: Table) -> None:
    """Copies its rows and its counter: no primary key is used twice, not even that of a deleted row."""
    with connection.cursor() as cursor:
        if table.is_read:
            cursor.execute(f'INSERT INTO temp."{table.name}" SELECT * FROM main."{table.name}"')
        cursor.execute("DELETE FROM temp.sqlite_sequence WHERE name = %s", [table.name])
        counter = "SELECT name, seq FROM main.sqlite_sequence WHERE name = %s"
        cursor.execute(f"INSERT INTO temp.sqlite_sequence {counter}", [table.name])


def _watch(table: Table) -> None:
    """Note the primary key of each row that is changed from now on."""
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE TABLE temp."{table.changed}" (key PRIMARY KEY) WITHOUT ROWID')
        for event, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
            cursor.execute(
                f'CREATE TRIGGER temp."{table.changed}_{event}" AFTER {event} ON "{table.name}" BEGIN '
                f'INSERT INTO "{table.changed}" SELECT {row}."{table.key}" '
                f'WHERE NOT EXISTS (SELECT 1 FROM "{table.changed}" WHERE key = {row}."{table.key}"); END'
            )


def _write(tables: list[Table], *, revision: int) -> None:
    """Raises MovedError."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f'SELECT number FROM main."{ConfigurationRevision._meta.db_table}"')
        if cursor.fetchone() != (revision,):
            raise MovedError("The configuration was changed meanwhile.")
        # Rows that refer to each other are taken out and put back.
        cursor.execute("PRAGMA defer_foreign_keys = ON")
        for table in tables:
            cursor.execute(f'DELETE FROM main."{table.name}" WHERE {_is_changed(table)}')
        for table in tables:
            changed = f'SELECT * FROM temp."{table.name}" WHERE {_is_changed(table)}'
            cursor.execute(f'INSERT INTO main."{table.name}" {changed}')


def _is_changed(table: Table) -> str:
    return f'"{table.key}" IN (SELECT key FROM temp."{table.changed}")'


def _drop(tables: list[Table]) -> None:
    """Removes the temporary tables, also after a rehearsal that failed."""
    with _lock_when_writing(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT name FROM temp.sqlite_master")
        names = {name for (name,) in cursor.fetchall()}
        left = [table for table in tables if table.name in names]
        # A table is dropped only when no row of another table refers to one of its rows.
        for table in left:
            cursor.execute(f'DELETE FROM temp."{table.name}"')
        for table in left:
            cursor.execute(f'DROP TABLE temp."{table.name}"')
            cursor.execute(f'DROP TABLE temp."{table.changed}"')
