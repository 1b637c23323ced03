"""How rows of the record become an INSERT, and what the database makes of it.

What each column takes is read once from the model's own fields: the ORM's `create` costs three times as much.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import orjson
import psycopg
from django.db import OperationalError, connection, models

from audit.models import IssuanceEvent
from audit.writing import durability
from audit.writing.entry import Entry
from formats.masking import cleaned
from runtime.slots import PATIENCE

Row = dict[str, Any]
"""Every column's value as it will be stored."""


NOT_STORED = "The database did not store the row."


class NotStoredError(OperationalError):
    """The database took the statement without this row, which a trigger can take out."""


@dataclass(frozen=True, slots=True)
class Insertion:
    """The INSERT of one kind of database, and how an entry becomes its row."""

    table: str
    names: str
    """Of the columns, quoted, with commas."""
    fits: Mapping[str, Callable[[Any], Any]]
    """What a value that is known becomes, by column."""
    unknown: Row
    """The values of what is not known."""
    adapt_instant: Callable[[datetime | None], Any]

    def row_of(self, entry: Entry) -> Row:
        """What a step noted for the trace alone has no column."""
        row = self.unknown | {"at": entry.at, "request_id": entry.request_id}
        for name, value in entry.columns.items():
            if value is not None and name in row:
                row[name] = self.fits[name](value)
        return row

    def insert(self, row: Row) -> int:
        """In the transaction of the caller, if there is one. Returns the row's id. Raises NotStoredError."""
        returns_id = connection.vendor == "postgresql"
        values = ", ".join(["%s"] * len(row))
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {self.table} ({self.names}) VALUES ({values})"  # noqa: S608
                + (" RETURNING id" if returns_id else ""),
                self._adapted(row),
            )
            if cursor.rowcount != 1:
                raise NotStoredError(NOT_STORED)
            return int(cursor.fetchone()[0] if returns_id else cursor.lastrowid)

    def commit(self, rows: Sequence[Row]) -> dict[str, int]:
        """All in one transaction, by a connection that is in none. Returns the ids by `request_id`.

        What the database did not store, such as a row that a trigger took out, has none.
        """
        if connection.vendor == "postgresql":
            return self._commit_json(rows)
        return self._commit_values(rows)

    def _commit_json(self, rows: Sequence[Row]) -> dict[str, int]:
        """On PostgreSQL one parameter whatever the number of rows. Its one statement commits by itself."""
        connection.ensure_connection()
        with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
            cursor.execute(
                f"INSERT INTO {self.table} ({self.names}) "  # noqa: S608
                f"SELECT {self.names} FROM json_populate_recordset(NULL::{self.table}, %s) RETURNING request_id, id",
                [orjson.dumps(rows).decode()],
            )
            return dict(cursor.fetchall())

    def _commit_values(self, rows: Sequence[Row]) -> dict[str, int]:
        """On SQLite a statement for each number of rows, of which its module keeps the prepared ones."""
        values = ", ".join([f"({', '.join('?' * len(self.unknown))})"] * len(rows))
        parameters = [value for row in rows for value in self._adapted(row)]
        connection.ensure_connection()
        link: Any = connection.connection
        with connection.wrap_database_errors:
            # A lock that others hold for longer is a failure while these rows are surely not written.
            link.execute(f"PRAGMA busy_timeout = {int(PATIENCE * 1000)}")
            link.execute("BEGIN IMMEDIATE")
            try:
                inserted = link.execute(
                    f"INSERT INTO {self.table} ({self.names}) VALUES {values} RETURNING request_id, id",  # noqa: S608
                    parameters,
                ).fetchall()
                link.execute("COMMIT")
            finally:
                if link.in_transaction:
                    link.execute("ROLLBACK")
        return dict(inserted)

    def _adapted(self, row: Row) -> list[Any]:
        adapt = self.adapt_instant
        return [adapt(value) if isinstance(value, datetime) else value for value in row.values()]


def refuse_lost_files() -> None:
    """Raises OperationalError where SQLite's files were moved, deleted or replaced under the connection."""
    lost = durability.lost_file(connection)
    if lost is None:
        return
    durability.save_rows(connection)
    connection.close()
    raise OperationalError(lost)


@cache
def insertion(vendor: str) -> Insertion:
    fields = [column for column in IssuanceEvent._meta.concrete_fields if not column.primary_key]
    quote: Callable[[Any], str] = connection.ops.quote_name
    return Insertion(
        table=quote(IssuanceEvent._meta.db_table),
        names=", ".join(quote(column.column) for column in fields),
        fits={column.name: _fit(column) for column in fields},
        unknown={column.name: column.get_default() for column in fields},
        adapt_instant=connection.ops.adapt_datetimefield_value,
    )


def _fit(column: "models.Field[Any, Any]") -> Callable[[Any], Any]:
    """A text is cleaned, then cut to the column; an empty one is the column's default."""
    if not isinstance(column, models.CharField):
        return lambda value: value
    default, length = column.get_default(), column.max_length

    def fit(value: Any) -> Any:
        text = value if type(value) is str else str(value)
        return cleaned(text)[:length] if text else default

    return fit
