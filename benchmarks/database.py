"""The database of a benchmark, looked at from beside the server: its rows, and PostgreSQL's processes."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg
from measures import children, cpu_seconds

TOKENS = "SELECT count(*) FROM audit_issuanceevent WHERE outcome = 'issued'"


@dataclass(frozen=True, slots=True)
class Database:
    """`url` is empty for the SQLite file in the server's directory."""

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

    def tokens(self) -> int:
        """The rows of tokens that the record holds."""
        if self.url:
            return int(_one(self.url, TOKENS))
        with closing(sqlite3.connect(f"{self.file.as_uri()}?mode=ro", uri=True)) as connection:
            return int(connection.execute(TOKENS).fetchone()[0])


def database(variables: Mapping[str, str]) -> Database:
    """That of a server with this environment."""
    url = variables.get("DATABASE_URL", "")
    file = Path(variables["VAR_DIR"]) / "db.sqlite3"
    return Database(url=url, file=file, postmaster=_postmaster(url) if url else 0)


def _postmaster(url: str) -> int:
    with psycopg.connect(url) as connection:
        stat = Path(f"/proc/{connection.info.backend_pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


def _one(url: str, query: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0
