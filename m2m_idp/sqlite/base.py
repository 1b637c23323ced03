"""A connection to a SQLite file opens what is there, or raises: SQLite itself would make an empty file.

While one has the file open, its write-ahead log (`-wal`) holds the newest rows, and an index of it in memory (`-shm`)
is shared. Where somebody deletes the log, those that have it open still write to it; who opens the file then would
make an empty log beside the same index, and spoil the file.
"""

import fcntl
import os
import struct
import threading
import weakref
from pathlib import Path
from sqlite3 import OperationalError
from typing import Any

import structlog
from django.db.backends.sqlite3 import base, features

LOCK_OF_THE_OPEN = 128
"""The byte of the -shm file that everybody who has the database open holds a lock on (SQLite's UNIX_SHM_DMS)."""
FLOCK = "hhqqi4x"
"""struct flock of Linux on 64 bits: type, whence, start, length, pid."""

log = structlog.get_logger("m2m_idp")

_open: "weakref.WeakSet[DatabaseWrapper]" = weakref.WeakSet()
"""Those of this process that had a connection."""
_lock = threading.Lock()


class DatabaseFeatures(features.DatabaseFeatures):
    supports_json_field = True
    """As every SQLite from 3.38 on does: Django's checks would open the file to find out."""


class DatabaseWrapper(base.DatabaseWrapper):
    features_class = DatabaseFeatures

    def get_connection_params(self) -> dict[str, Any]:
        found: dict[str, Any] = super().get_connection_params()
        if not self.is_in_memory_db():
            found["database"] = Path(found["database"]).absolute().as_uri() + "?mode=rw"
        return found

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        if not self.is_in_memory_db():
            self._refuse_to_spoil(str(self.settings_dict["NAME"]))
        link = super().get_new_connection(conn_params)
        with _lock:
            _open.add(self)
        return link

    def _refuse_to_spoil(self, path: str) -> None:
        """Raises OperationalError."""
        if not os.path.exists(path):  # noqa: PTH110 - as SQLite takes it
            raise OperationalError(
                f"The database file {path} is missing: put it back, or run manage.py migrate to make a new one"
            )
        if not os.path.exists(f"{path}-shm") or os.path.exists(f"{path}-wal"):  # noqa: PTH110
            return
        # Opening the index would end the locks that this process has on it.
        if is_open_here() or is_locked(f"{path}-shm"):
            raise OperationalError(
                f"The file {path}-wal was deleted while others have the database open: restart the server"
            )
        log.warning("wal_missing", reason=f"{path}-wal is missing: {WHAT_WAS_LOST}")


WHAT_WAS_LOST = (
    "it was deleted, or not copied with the file. Where the server was killed afterwards, its last rows are "
    "lost: manage.py audit verify names those that were sealed."
)


def is_open_here() -> bool:
    with _lock:
        return any(other.connection for other in _open)


def is_locked(path: str) -> bool:
    """Whether another process has the database open. Not to be asked by one that has it open itself."""
    asked = struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, LOCK_OF_THE_OPEN, 1, 0)
    with Path(path).open("rb") as file:
        kind, *_ = struct.unpack(FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, asked))
    return bool(kind != fcntl.F_UNLCK)
