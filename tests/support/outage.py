"""A database that a test can take away from a running server."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psycopg
from django.db import connection, connections
from psycopg.sql import SQL, Identifier

from tests.support.server import database_url

PAGE = 4096
"""SQLite's first page says that the file is a database; the others hold the tables."""

LOSERS = f"losers-{os.getpid()}"
"""How PostgreSQL knows the connections that are cut."""


class Losable(Protocol):
    @property
    def url(self) -> str: ...
    def lose(self) -> None: ...


@contextmanager
def losable_database(directory: Path) -> Iterator[Losable]:
    """The test database or a copy of it. `lose` may be called once."""
    if connection.vendor == "sqlite":
        yield _LosableFile.copied_to(directory / "losable.sqlite3")
        return
    losable = _LosablePostgresql(database_url())
    try:
        yield losable
    finally:
        losable.give_back()


@dataclass(frozen=True, slots=True)
class _LosableFile:
    path: Path

    @classmethod
    def copied_to(cls, path: Path) -> "_LosableFile":
        connection.ensure_connection()
        with closing(sqlite3.connect(path)) as copy:
            connection.connection.backup(copy)
        return cls(path)

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    def lose(self) -> None:
        """Spoil the file under the servers' feet, as a disk that fails; a last commit voids the pages they hold."""
        with closing(sqlite3.connect(self.path)) as last:
            last.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            last.execute("UPDATE issuers_configurationrevision SET number = number + 1")
            last.commit()
            with self.path.open("r+b") as file:
                file.seek(PAGE)
                file.write(b"\xff" * (self.path.stat().st_size - PAGE))


@dataclass(frozen=True, slots=True)
class _LosablePostgresql:
    """The test database, under a name of its own for those who connect by this URL."""

    test_database: str

    @property
    def url(self) -> str:
        return f"{self.test_database}?application_name={LOSERS}"

    def lose(self) -> None:
        """Refuse new connections, cut those that the servers hold; other tests' servers keep theirs."""
        connections.close_all()
        with self._maintenance() as link:
            link.execute(SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(self._name))
            link.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", [LOSERS]
            )

    def give_back(self) -> None:
        with self._maintenance() as link:
            link.execute(SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(self._name))

    @property
    def _name(self) -> Identifier:
        return Identifier(self.test_database.rpartition("/")[2])

    def _maintenance(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(self.test_database.rpartition("/")[0] + "/postgres", autocommit=True)
