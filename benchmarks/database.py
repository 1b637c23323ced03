"""The database of a benchmark, looked at from beside the server: its rows, and PostgreSQL's processes."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg
from measures import children, cpu_seconds

TOKENS = "SELECT count(*) FROM audit_issuanceevent WHERE outcome = 'issued'"


@dataclass(frozen=True, slots=True)
class Database:
    url: str
    file: Path
    postmaster: int
    """The parent of all of PostgreSQL's processes; 0 for SQLite, whose work is the worker's own."""

    @property
    def name(self) -> str:
        return "PostgreSQL" if self.url else "SQLite"

    @property
    def processes(self) -> list[int]:
        return [self.postmaster, *children(self.postmaster)] if self.postmaster else []

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.postmaster) if self.postmaster else 0

    def count(self, query: str) -> int:
        if self.url:
            with psycopg.connect(self.url) as connection:
                row = connection.execute(query.encode()).fetchone()
                return int(row[0]) if row else 0
        with closing(sqlite3.connect(f"{self.file.as_uri()}?mode=ro", uri=True)) as connection:
            return int(connection.execute(query).fetchone()[0])


def database(directory: Path, *, url: str) -> Database:
    """That of a server; `url` is empty for the SQLite file in its directory."""
    file = directory / "db.sqlite3"
    return Database(url=url, file=file, postmaster=_postmaster(url) if url else 0)


def _postmaster(url: str) -> int:
    with psycopg.connect(url) as connection:
        stat = Path(f"/proc/{connection.info.backend_pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])
