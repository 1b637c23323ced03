"""The backup and the restore of an SQLite database as docs/operations.md has them, onto an empty host."""

import shutil
from pathlib import Path

import pytest

from tests.setup.restoring import Host, assert_it_comes_back, issued, set_up

pytestmark = pytest.mark.slow


def test_a_sqlite_database_comes_back_on_an_empty_host(tmp_path: Path) -> None:
    old, new = (
        Host(tmp_path / name, database_url=f"sqlite:///{tmp_path / name}/state/db.sqlite3")
        for name in ("old", "new")
    )
    for directory in (old.state, new.directory):
        directory.mkdir(parents=True)
    secret = set_up(old)
    assert_it_comes_back(old, new, secret, "sqlite3")
    leave_what_a_killed_server_leaves(new, secret)
    assert_it_comes_back(old, new, secret, "sqlite3")


def leave_what_a_killed_server_leaves(host: Host, secret: str) -> None:
    """Beside the file: one with its newest rows, and the index of that one."""
    names = ("db.sqlite3-wal", "db.sqlite3-shm")
    with host.serving() as server:
        issued(server, secret)
        for name in names:
            shutil.copy(host.state / name, host.directory)
    for name in names:
        shutil.copy(host.directory / name, host.state)
