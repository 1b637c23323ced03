"""Rows of the record that wait at the same moment share one statement and one commit.

One thread of a server's process writes them. Of a statement that the database refuses for the sake of one row each row
is tried again by itself. What ends the connection fails them all, and nobody knows whether they were committed.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog
from django.db import Error as DatabaseFailure
from django.db import InterfaceError, OperationalError, connection

from audit.writing.failover import is_read_only, leave_if_read_only
from audit.writing.insertion import NOT_STORED, NotStoredError, Row, insertion, refuse_lost_files
from runtime.main_loop import Pause, is_in_main_loop
from runtime.slots import PATIENCE, StuckError

MAX_ROWS = 64
"""In one statement."""
LATE = 0.9 * PATIENCE
"""Seconds after which a statement that failed has kept the others waiting long enough: they fail with it."""
IDLE = 0.5
"""Seconds without a row after which the connection is tried first: the database may have been restarted meanwhile."""

log = structlog.get_logger("audit")

Written = list[tuple[int, Row]]
"""Rows with their ids."""


@dataclass(slots=True, eq=False)
class _Waiting:
    """A row, and the request that waits for it."""

    row: Row
    pause: Pause = field(default_factory=Pause)
    event_id: int = 0
    failure: Exception | None = None
    is_over: bool = False
    """The request waits no longer, whatever becomes of the row."""


class GroupCommit:
    """`write` commits rows and returns their ids by `request_id`; `log` is called with those that are committed."""

    def __init__(
        self,
        write: Callable[[Sequence[Row]], dict[str, int]],
        *,
        log: Callable[[Written], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._log = log
        self._clock = clock
        self._queue: deque[_Waiting] = deque()
        self._batch: list[_Waiting] = []
        """What is being written."""
        self._changed = threading.Condition(threading.Lock())
        self._moved_at = clock()
        """When the last statement began or ended."""
        self._was_late = False
        """The last statement failed only after LATE seconds. While the next one is tried nobody else waits."""
        self.is_started = False

    def start(self) -> None:
        """Start the thread of this process. Only after the fork: it would not survive it."""
        self.is_started = True
        threading.Thread(target=self._forever, name="record", daemon=True).start()

    def commit(self, row: Row) -> int:
        """Wait until the row is committed. Returns its id. Raises what the database raises, or StuckError.

        In a main loop the row waits for `flush`.
        """
        waiting = _Waiting(row)
        with self._changed:
            if self._is_stuck() or (self._was_late and self._batch):
                raise StuckError(STUCK)
            self._queue.append(waiting)
        if not is_in_main_loop():
            self.flush()
        while not waiting.pause.wait(seconds=PATIENCE):
            self.give_up_if_stuck()
        if not waiting.event_id:
            raise waiting.failure or NotStoredError(NOT_STORED)
        return waiting.event_id

    @property
    def queued(self) -> int:
        """Rows that no statement has taken yet."""
        return len(self._queue)

    def flush(self) -> None:
        """Let the thread take what has come together."""
        if self._queue:
            with self._changed:
                self._changed.notify()

    def give_up_if_stuck(self) -> None:
        """Where the database has not answered for PATIENCE seconds, nobody waits for it any longer.

        What is being written may still be committed: a row of which its request never knew.
        """
        with self._changed:
            late = [*self._batch, *self._queue] if self._is_stuck() else []
            if late:
                self._queue.clear()
            for waiting in late:
                waiting.failure = waiting.failure or StuckError(STUCK)
        self._end(late)

    def _end(self, those: list[_Waiting]) -> None:
        """Each goes on, once."""
        with self._changed:
            ended = [waiting for waiting in those if not waiting.is_over]
            for waiting in ended:
                waiting.is_over = True
        Pause.end(waiting.pause for waiting in ended)

    def _is_stuck(self) -> bool:
        return bool(self._batch) and self._clock() - self._moved_at > PATIENCE

    def _forever(self) -> None:
        """Whatever happens: without this thread no row is written any more."""
        while True:
            try:
                self._write_next()
            except Exception as failure:
                log.error("defect", exc_info=failure)  # noqa: TRY400 - as every other defect

    def _write_next(self) -> None:
        batch, has_idled = self._next()
        try:
            if has_idled:
                _leave_if_cut()
            self._try(batch)
        finally:
            self._end([*batch, *self._failed_with(batch)])

    def _failed_with(self, batch: list[_Waiting]) -> list[_Waiting]:
        """Those that were to come next, where the database kept all waiting and then took no row of the batch."""
        with self._changed:
            now = self._clock()
            self._was_late = now - self._moved_at > LATE and not any(waiting.event_id for waiting in batch)
            self._batch, self._moved_at = [], now
            failed = list(self._queue) if self._was_late else []
            if failed:
                self._queue.clear()
            for waiting in failed:
                waiting.failure = StuckError(STUCK)
        return failed

    def _next(self) -> tuple[list[_Waiting], bool]:
        """Rows, and whether there was none for a while."""
        with self._changed:
            while not self._queue:
                self._changed.wait()
            batch = [self._queue.popleft() for _ in range(min(MAX_ROWS, len(self._queue)))]
            has_idled = self._clock() - self._moved_at > IDLE
            self._batch = batch
            self._moved_at = self._clock()
        return batch, has_idled

    def _try(self, batch: list[_Waiting]) -> bool:
        """Whether there is a point in further rows: the database answered."""
        try:
            ids = self._write([waiting.row for waiting in batch])
        except (OperationalError, InterfaceError) as failure:
            _fail(batch, failure)
            return False
        except (DatabaseFailure, TypeError, ValueError) as failure:
            self._try_each(batch, failure)
        except Exception as failure:
            _fail(batch, failure)
        else:
            self._note(batch, ids)
        return True

    def _try_each(self, batch: list[_Waiting], failure: Exception) -> None:
        """Nothing of the statement was committed: the row that it was refused for must not take the others away."""
        _fail(batch, failure)
        if len(batch) == 1 or is_read_only(failure):
            return
        for waiting in batch:
            with self._changed:
                self._moved_at = self._clock()
                is_over = waiting.is_over
            # Of a request that gave up there is to be no row that says `issued`.
            if not is_over and not self._try([waiting]):
                return
            self._end([waiting])

    def _note(self, batch: list[_Waiting], ids: dict[str, int]) -> None:
        for waiting in batch:
            waiting.event_id = ids.get(waiting.row["request_id"], 0)
            if not waiting.event_id:
                waiting.failure = NotStoredError(NOT_STORED)
        self._log([(waiting.event_id, waiting.row) for waiting in batch if waiting.event_id])


STUCK = "The database does not answer the thread that writes the record."


def _leave_if_cut() -> None:
    """A connection that the database, or what is between, has ended meanwhile."""
    if connection.connection is not None and not connection.is_usable():
        connection.close()


def _fail(batch: list[_Waiting], failure: Exception) -> None:
    leave_if_read_only(connection, failure)
    connection.close_if_unusable_or_obsolete()
    if getattr(connection.connection, "in_transaction", False):
        # SQLite could not even roll back.
        connection.close()
    said = str(failure) if isinstance(failure, DatabaseFailure) else repr(failure)
    for waiting in batch:
        waiting.failure = OperationalError(said)


def committed(rows: Sequence[Row]) -> dict[str, int]:
    """The ids of the rows by `request_id`. Raises what the database raises."""
    refuse_lost_files()
    return insertion(connection.vendor).commit(rows)
