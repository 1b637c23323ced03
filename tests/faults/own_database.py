"""A database of a test's own, which it may spoil, stop and restart: a copy of the test database as it stands."""

import getpass
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psycopg
from django.db import connection

from tests.support.server import database_url, free_port

ISSUED = "SELECT jti FROM audit_issuanceevent WHERE outcome = 'issued'"


class OwnDatabase(Protocol):
    @property
    def url(self) -> str: ...
    def execute(self, script: str) -> None: ...
    def rows(self, query: str) -> list[tuple[object, ...]]: ...
    def server_processes(self) -> list[int]: ...


def issued_jtis(database: OwnDatabase) -> set[object]:
    return {jti for (jti,) in database.rows(ISSUED)}


@contextmanager
def own_database(directory: Path) -> Iterator[OwnDatabase]:
    if connection.vendor == "sqlite":
        yield OwnFile.copied_to(directory / "own.sqlite3")
        return
    with own_cluster() as cluster:
        yield cluster


@dataclass(frozen=True, slots=True)
class OwnFile:
    path: Path

    @classmethod
    def copied_to(cls, path: Path) -> "OwnFile":
        connection.ensure_connection()
        with closing(sqlite3.connect(path)) as copy:
            connection.connection.backup(copy)
            copy.execute("PRAGMA journal_mode=WAL")
        return cls(path)

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    def execute(self, script: str) -> None:
        with closing(sqlite3.connect(self.path, timeout=10)) as link:
            link.executescript(script)

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.path, timeout=10)) as link:
            return link.execute(query).fetchall()

    def server_processes(self) -> list[int]:
        """SQLite has none: who writes is the server under test."""
        return []


@dataclass(frozen=True, slots=True)
class OwnCluster:
    """A PostgreSQL of its own: the one that the suite runs on serves other tests at the same time."""

    directory: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/own"

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def execute(self, script: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as link:
            link.execute(script)

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url) as link:
            return link.execute(query).fetchall()

    def server_processes(self) -> list[int]:
        main = int((self.data / "postmaster.pid").read_text().split()[0])
        return [main, *map(int, Path(f"/proc/{main}/task/{main}/children").read_text().split())]

    def restart(self, mode: str) -> None:
        """`fast` ends the sessions, `immediate` is a crash: the log is replayed. Returns when it serves again."""
        self.control("restart", "-m", mode, "-w", "-l", str(self.directory / "log"), "-o", self.options)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Away for the length of the block."""
        self.control("stop", "-m", "immediate", "-w")
        try:
            yield
        finally:
            self.control("start", "-w", "-l", str(self.directory / "log"), "-o", self.options)

    @property
    def options(self) -> str:
        return f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.directory}"

    def control(self, act: str, *arguments: str) -> None:
        as_postgres("pg_ctl", act, "-D", str(self.data), *arguments)


@contextmanager
def own_cluster() -> Iterator[OwnCluster]:
    # A Unix socket's path has 107 characters at most: pytest's own directories are too deep.
    directory = Path(tempfile.mkdtemp(prefix="own-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(directory, "postgres")
        cluster = OwnCluster(directory=directory, port=free_port())
        as_postgres(
            "initdb", "-D", str(cluster.data), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8",
            "--wal-segsize=1", "--no-sync",
        )  # fmt: skip
        cluster.control("start", "-w", "-l", str(directory / "log"), "-o", cluster.options)
        try:
            copy_into(cluster)
            yield cluster
        finally:
            cluster.control("stop", "-m", "immediate", "-w")
    finally:
        shutil.rmtree(directory)


def copy_into(cluster: OwnCluster) -> None:
    with psycopg.connect(cluster.url.removesuffix("/own") + "/postgres", autocommit=True) as link:
        link.execute("CREATE DATABASE own")
    dump = subprocess.run(
        [binary("pg_dump"), "--schema=public", "--no-owner", "--clean", "--if-exists", database_url()],
        check=True,
        capture_output=True,
    ).stdout
    subprocess.run(
        [binary("psql"), "-q", "-v", "ON_ERROR_STOP=1", cluster.url],
        input=dump,
        check=True,
        capture_output=True,
    )


def limit_files(processes: list[int], largest: str) -> None:
    """How many bytes their files may have, those that are open too; a process that has ended is passed over."""
    for pid in processes:
        try:
            owner = Path(f"/proc/{pid}").owner()
        except FileNotFoundError:
            continue
        subprocess.run([*as_user(owner), "prlimit", f"--pid={pid}", f"--fsize={largest}:"], check=False)


def as_postgres(name: str, *arguments: str) -> None:
    """PostgreSQL refuses to run as root. What is started writes to no pipe: with one it would be waited for."""
    user = "postgres" if os.geteuid() == 0 else getpass.getuser()
    subprocess.run(
        [*as_user(user), binary(name), *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/", timeout=60
    )


def as_user(name: str) -> list[str]:
    return [] if name == getpass.getuser() else ["runuser", "-u", name, "--"]


def binary(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        major = int(cursor.fetchone()[0]) // 10_000
    return f"/usr/lib/postgresql/{major}/bin/{name}"
