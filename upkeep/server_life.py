"""Starts and stops of the server as operational events, one row each for the master process and all its workers.

The master keeps no database connection over a fork and waits for no database: it notes its start, and a worker's thread
writes the row as soon as the database accepts it. The row of a stop is written by the master, which no longer forks
then.
"""

import fcntl
import mmap
import os
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit.models import OperationalEvent
from audit.sealing.leaf import instant
from audit.writing.operational_events import SERVER, record_act
from issuance.health.recording import recording_problems
from upkeep import gaps

KIND = OperationalEvent.Kind
RETRY_AFTER = 1.0
"""Seconds after which a start that could not be written is tried again; twice as long each time."""
WRITE_EVERY = 10.0
"""Seconds between two looks for periods that have ended, and at most between two such attempts."""
LAST_WORDS = 4.0
"""Seconds that a stopping master waits for its row, at most."""
LATE = timedelta(seconds=30)
"""If the row waited longer, the row of a start says since when."""
NO_STOP = " The start of {at} has no stop: the server was killed, its host failed, or its database was away."
SUCCEEDS = " It takes over from process {pid}, which still runs."
WAITED = " Written at {at}: the database took no row before."

log = structlog.get_logger("m2m_idp")

# Anonymous and shared: every process that is forked after this import has the same byte.
_IS_WRITTEN = mmap.mmap(-1, 1)


@dataclass(frozen=True, slots=True)
class Start:
    at: datetime
    pid: int
    version: str
    where: str
    """The surface and the addresses: with the host they identify the start before this one."""
    predecessor: int
    """The process id of the running master that this one replaces (SIGUSR2); 0: there is none."""

    @property
    def name(self) -> str:
        """The beginning of the details of both rows, so that a stop belongs to its start."""
        return f"Started at {instant(self.at)}, process {self.pid}"


_start: Start | None = None
"""Of the master of this process."""


def note_start(*, version: str, listeners: list[str], predecessor: int) -> None:
    """In the master, once it listens. Asks no database."""
    global _start  # noqa: PLW0603 - workers get it by the fork
    where = f"surface {settings.SURFACE} at {', '.join(listeners)}"
    _start = Start(at=timezone.now(), pid=os.getpid(), version=version, where=where, predecessor=predecessor)


def start_writing() -> None:
    """Start the thread of this worker. Only after the fork: it would not survive it."""
    threading.Thread(target=_forever, name="server-life", daemon=True).start()


def record_stop() -> None:
    """In the master, when all workers have ended. Gives up after LAST_WORDS seconds."""
    thread = threading.Thread(target=_write_stop, name="last-words", daemon=True)
    thread.start()
    thread.join(LAST_WORDS)


def write_gaps() -> None:
    """The ended periods of this process. What cannot be written now is kept."""
    try:
        gaps.write_ended()
    except Exception as failure:
        log.error("gap_not_written", reason=type(failure).__name__)  # noqa: TRY400 - one line
    finally:
        connection.close()


def _forever() -> None:
    seconds = RETRY_AFTER
    while True:
        _write_start()
        if gaps.lasts():
            _look_whether_it_is_over()
        write_gaps()
        time.sleep(WRITE_EVERY if _IS_WRITTEN[0] else seconds)
        seconds = min(2 * seconds, WRITE_EVERY)


def _write_start() -> None:
    """One of all workers tries."""
    if _start is None or _IS_WRITTEN[0]:
        return
    with suppress(BlockingIOError), Path(__file__).open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _try_to_write_start(_start)


def _try_to_write_start(start: Start) -> None:
    try:
        _record_start(start)
        _IS_WRITTEN[0] = 1
    except Exception as failure:
        log.error("start_not_written", reason=type(failure).__name__)  # noqa: TRY400 - one line
    finally:
        connection.close()


def _record_start(start: Start) -> None:
    now = timezone.now()
    if _rows(start, KIND.STARTED).filter(detail__startswith=start.name).exists():
        return
    with transaction.atomic():
        gaps.record_silence(before=start.at, now=now)
        detail = f"{start.name}. Version {start.version}.{_about_the_one_before(start)}"
        if now - start.at > LATE:
            detail += WAITED.format(at=instant(now))
        _record(KIND.STARTED, start, now=now, detail=detail)


def _about_the_one_before(start: Start) -> str:
    if start.predecessor:
        return SUCCEEDS.format(pid=start.predecessor)
    before = _rows(start, KIND.STARTED).order_by("-id").first()
    if before is None:
        return ""
    name = before.detail.partition(". ")[0]
    if _rows(start, KIND.STOPPED).filter(detail__startswith=name, id__gt=before.pk).exists():
        return ""
    return NO_STOP.format(at=name.removeprefix("Started at ").partition(",")[0])


def _write_stop() -> None:
    if _start is None:
        return
    try:
        _record_start(_start)
        _record(KIND.STOPPED, _start, now=timezone.now(), detail=f"{_start.name}. Stopped in order.")
    except Exception as failure:
        log.error("stop_not_written", reason=type(failure).__name__)  # noqa: TRY400 - one line
    finally:
        connection.close()


def _look_whether_it_is_over() -> None:
    """A process that receives no requests would not notice."""
    with suppress(Exception):
        recording_problems()


def _rows(start: Start, kind: OperationalEvent.Kind) -> QuerySet[OperationalEvent]:
    return OperationalEvent.objects.filter(
        kind=kind, actor=socket.gethostname()[:150], target=start.where[:300]
    )


def _record(kind: OperationalEvent.Kind, start: Start, *, now: datetime, detail: str) -> None:
    record_act(kind, now=now, actor=socket.gethostname(), source=SERVER, target=start.where, detail=detail)
