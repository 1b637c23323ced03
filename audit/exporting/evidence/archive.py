"""The archive as a stream: rows as they are exported, never all in memory, and what is needed to verify them offline.

It is recorded as any export (audit/exporting/export.py), under its own name.
"""

import json
from collections.abc import Generator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from audit.exporting.export import NDJSON, Export
from audit.models import Checkpoint
from audit.reading.filters import EventFilter
from audit.streamed import in_pages

EVIDENCE = "evidence"
HERE = Path(__file__).parent
PROGRAM, README = "verify.py", "README.txt"


class Archive:
    """An iterator of the bytes of a zip file. `keys` is the JWK Set of the record."""

    def __init__(self, event_filter: EventFilter, *, keys: dict[str, Any], now: datetime) -> None:
        self._export = Export(event_filter, form=NDJSON, name=EVIDENCE)
        self.rows = self._export.rows
        self._blocks = _blocks(self._export, keys=keys, now=now)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        return next(self._blocks)

    def close(self) -> None:
        """Does nothing when all rows have left already."""
        self._blocks.close()
        self._export.close()


class _Outlet:
    """A file that is only written to, and hands out what came since the last time."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._written.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Holds nothing back."""

    def taken(self) -> bytes:
        taken, self._written = b"".join(self._written), []
        return taken


def _blocks(export: Export, *, keys: dict[str, Any], now: datetime) -> Generator[bytes, None, None]:
    outlet = _Outlet()
    with ZipFile(outlet, "w", ZIP_DEFLATED) as archive:  # type: ignore[call-overload]
        for name, parts in _files(export, keys):
            with archive.open(_member(name, now), "w", force_zip64=True) as member:
                for part in parts:
                    member.write(part.encode())
                    if ready := outlet.taken():
                        yield ready
    yield outlet.taken()


def _files(export: Export, keys: dict[str, Any]) -> Iterator[tuple[str, Iterator[str]]]:
    yield README, iter([(HERE / README).read_text()])
    yield PROGRAM, iter([(HERE / PROGRAM).read_text()])
    yield "keys.json", iter([json.dumps(keys, indent=2) + "\n"])
    yield "rows.ndjson", export
    yield "checkpoints.txt", _chain(export.rows.checkpoints)


def _chain(numbers: tuple[int, int] | None) -> Iterator[str]:
    """The statements of all checkpoints from the first to the last one."""
    if numbers is None:
        return
    chain = Checkpoint.objects.filter(number__range=numbers).values_list("pk", "statement")
    yield from (f"{statement}\n" for _, statement in in_pages(chain))


def _member(name: str, now: datetime) -> ZipInfo:
    member = ZipInfo(name, date_time=now.timetuple()[:6])
    member.compress_type, member.external_attr = ZIP_DEFLATED, 0o644 << 16
    return member
