"""A database file that is moved or deleted under its connection: what it would write is lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db.utils import ConnectionHandler
from django.utils import timezone

from audit import durability, record
from audit.entry import Entry
from audit.record import NotRecordedError


@pytest.fixture
def opened(db: None, tmp_path: Path) -> Iterator[ConnectionHandler]:
    """A connection to a SQLite file of its own."""
    settings = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "db.sqlite3")}
    connections = ConnectionHandler({"default": settings})
    connections["default"].ensure_connection()
    yield connections
    connections.close_all()


def test_an_open_file_is_the_one_at_its_path(opened: ConnectionHandler) -> None:
    assert not durability.was_replaced(opened["default"])


def test_a_deleted_file_is_noticed(opened: ConnectionHandler, tmp_path: Path) -> None:
    (tmp_path / "db.sqlite3").unlink()
    assert durability.was_replaced(opened["default"])


def test_a_file_put_in_its_place_is_noticed(opened: ConnectionHandler, tmp_path: Path) -> None:
    (tmp_path / "restored").write_bytes((tmp_path / "db.sqlite3").read_bytes())
    (tmp_path / "restored").rename(tmp_path / "db.sqlite3")
    assert durability.was_replaced(opened["default"])


def test_nothing_is_recorded_into_a_file_that_is_gone(
    opened: ConnectionHandler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "connection", opened["default"])
    (tmp_path / "db.sqlite3").unlink()
    with pytest.raises(NotRecordedError, match="moved or deleted"):
        record.record(Entry(at=timezone.now(), request_id="-"))
