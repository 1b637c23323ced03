"""The connections that the main loop holds: for what each waits, and which of them is closed when places run out."""

import selectors
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from m2m_idp.worker.connection import READING, SILENCE, Conn
from m2m_idp.worker.waiting import Waiting

MAX_BYTES = 67_108_864
"""Of requests and answers that are under way."""
PATIENCE = 1
"""Seconds of silence after which a connection gives its place to a new one, before those that were answered once."""


class Held:
    def __init__(self, *, places: int, keepalive: float) -> None:
        self.places = places
        self.fresh: Waiting[Conn] = Waiting(SILENCE)
        """That sent nothing yet."""
        self.busy: Waiting[Conn] = Waiting(SILENCE)
        """In the middle of a handshake, a request or an answer."""
        self.kept: Waiting[Conn] = Waiting(keepalive)
        """Between two requests."""
        self.ending: Waiting[Conn] = Waiting(SILENCE)
        """Whose end of the connection is not closed yet."""
        self._poller: Any = None
        self._bytes = 0

    def poll_with(self, poller: Any) -> None:
        self._poller = poller

    def __len__(self) -> int:
        return len(self.fresh) + len(self.busy) + len(self.kept) + len(self.ending)

    def watch(
        self, conn: Conn, ready: Any, queue: Waiting[Conn], *, events: int = selectors.EVENT_READ
    ) -> None:
        """Call `ready` with the connection as soon as the client sends, or takes."""
        if conn.watched != (ready, events):
            self.let_go(conn)
            self._poller.register(conn.sock, events, partial(self._call, ready, conn))
            conn.watched = (ready, events)
        conn.queue = queue
        queue.put(conn, now=time.monotonic())
        self.weigh(conn)

    def _call(self, ready: Any, conn: Conn, _sock: object) -> None:
        if conn.queue is not None:
            ready(conn)
        else:
            # Its request is being answered, and it sends on; or it was closed after the system said that it is ready.
            self.let_go(conn)

    def move(self, conn: Conn, queue: Waiting[Conn]) -> None:
        """It has shown life."""
        if conn.queue is not queue:
            conn.queue.drop(conn)
            conn.queue = queue
        queue.put(conn, now=time.monotonic())

    def unwatch(self, conn: Conn) -> None:
        self.let_go(conn)
        self.set_aside(conn)

    def set_aside(self, conn: Conn) -> None:
        """It waits for nothing, and is watched again soon: the poller may keep it until then."""
        conn.queue.drop(conn)
        conn.queue = None
        self._bytes -= conn.weight
        conn.weight = 0

    def let_go(self, conn: Conn) -> None:
        """Until it is watched again. It stays in its queue."""
        if conn.watched is None:
            return
        conn.watched = None
        # One that TLS could not be spoken on is no socket any more.
        with suppress(KeyError, ValueError):
            self._poller.unregister(conn.sock)

    def weigh(self, conn: Conn) -> None:
        weight = len(conn.incoming.data) + len(conn.sock.kept) + (conn.head.weight if conn.head else 0)
        self._bytes += weight - conn.weight
        conn.weight = weight

    def is_too_heavy(self) -> bool:
        return self._bytes > MAX_BYTES

    def silent_longest(self) -> Conn | None:
        """Whom to close for another's sake: who has sent nothing or half a request, before those that were answered.

        Of the former the one that has been silent longest: one that has just come may have sent a whole request, which
        nobody has read yet.
        """
        now = time.monotonic()
        unanswered = (self.fresh, self.busy)
        is_crowded = len(self.fresh) + len(self.busy) > self.places / 2
        order = (
            ((self.ending,), PATIENCE),
            (unanswered, 0 if is_crowded else PATIENCE),
            ((self.kept,), 0),
            ((self.ending,), 0),
            (unanswered, 0),
        )
        for queues, seconds in order:
            found = [oldest for queue in queues if (oldest := queue.oldest(seconds=seconds, now=now))]
            if found:
                return min(found, key=lambda one: one[0])[1]
        return None

    def idle_too_long(self, now: float) -> Iterator[Conn]:
        for queue in (self.fresh, self.kept, self.ending):
            yield from queue.silent(seconds=queue.seconds, now=now)

    def busy_too_long(self, now: float) -> Iterator[Conn]:
        yield from self.busy.silent(seconds=self.busy.seconds, now=now)
        for conn in self.busy:
            if conn.began and now - conn.began > READING and not conn.sock.kept:
                yield conn
