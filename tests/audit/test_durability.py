"""What the record asks of its database; a file that is moved or deleted under its connection loses what is written."""

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db.utils import ConnectionHandler
from django.utils import timezone

from audit.writing import durability, insertion, record
from audit.writing.entry import Entry
from audit.writing.record import NotRecordedError


@pytest.fixture
def opened(db: None, tmp_path: Path) -> Iterator[ConnectionHandler]:
    """A connection to a SQLite file of its own."""
    settings = {
        "ENGINE": "m2m_idp.sqlite",
        "NAME": str(tmp_path / "db.sqlite3"),
        "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL"},
    }
    (tmp_path / "db.sqlite3").touch()
    connections = ConnectionHandler({"default": settings})
    connections["default"].cursor().execute("CREATE TABLE rows (id INTEGER)")
    connections["default"].close()
    connections["default"].ensure_connection()
    yield connections
    connections.close_all()


def test_an_open_file_is_the_one_at_its_path(opened: ConnectionHandler) -> None:
    assert durability.lost_file(opened["default"]) is None


def test_a_deleted_file_is_noticed(opened: ConnectionHandler, tmp_path: Path) -> None:
    (tmp_path / "db.sqlite3").unlink()
    assert "db.sqlite3 is missing: put it back" in str(durability.lost_file(opened["default"]))


def test_a_file_put_in_its_place_is_noticed(opened: ConnectionHandler, tmp_path: Path) -> None:
    (tmp_path / "restored").write_bytes((tmp_path / "db.sqlite3").read_bytes())
    (tmp_path / "restored").rename(tmp_path / "db.sqlite3")
    assert "another stands in its place: restart the server" in str(durability.lost_file(opened["default"]))


def test_a_deleted_write_ahead_log_is_noticed(opened: ConnectionHandler, tmp_path: Path) -> None:
    (tmp_path / "db.sqlite3-wal").unlink()
    assert "db.sqlite3-wal, which holds the newest rows, was" in str(durability.lost_file(opened["default"]))


def test_nothing_is_recorded_into_a_file_that_is_gone(
    opened: ConnectionHandler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(insertion, "connection", opened["default"])
    (tmp_path / "db.sqlite3").unlink()
    with pytest.raises(NotRecordedError, match="is missing: put it back"):
        record.record(Entry(at=timezone.now(), request_id="-"))


@dataclass(frozen=True, slots=True)
class Postgresql:
    """A server with these settings."""

    shown: Mapping[str, str]
    vendor: str = "postgresql"

    def cursor(self) -> nullcontext["_Cursor"]:
        return nullcontext(_Cursor(self.shown))


class _Cursor:
    def __init__(self, shown: Mapping[str, str]) -> None:
        self._shown, self._name = shown, ""

    def execute(self, query: str) -> None:
        self._name = query.removeprefix("SHOW ")

    def fetchone(self) -> tuple[str]:
        return (self._shown[self._name],)


SAFE = {"synchronous_commit": "on", "fsync": "on", "server_encoding": "UTF8"}


@pytest.mark.parametrize(
    ("name", "value"), [("synchronous_commit", "off"), ("fsync", "off"), ("server_encoding", "SQL_ASCII")]
)
def test_a_setting_that_loses_rows_or_texts_is_named(name: str, value: str) -> None:
    assert durability.problems(Postgresql(SAFE)) == []
    (problem,) = durability.problems(Postgresql({**SAFE, name: value}))
    assert value in problem
