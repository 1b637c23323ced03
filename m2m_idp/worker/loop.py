"""A gunicorn worker that is safe from slow and silent clients: on plain connections and where gunicorn ends TLS.

The main loop does all waiting: for the first byte, the TLS handshake, the rest of a request, the client that takes its
answer, its next request, and its end. A thread gets each request when it is whole. Where places run out, the
connection that has been silent longest is closed.
"""

import errno
import selectors
import signal
import time
from typing import Any

from m2m_idp.worker.connection import Conn
from m2m_idp.worker.connections import ConnectionWorker

ACCEPTED_IN_A_TURN = 16
LEAVING = 2
"""Seconds that a stopping worker waits for the request of a client that has begun none."""
ORPHANED = 5
"""Seconds that a worker takes to leave when the master is dead."""
LOOKING = 0.5
"""Seconds between two looks for those that are late."""
NO_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Loop(ConnectionWorker):
    method_queue: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.looked_at = 0.0
        self.closed_for_others = 0

    def run(self) -> None:
        """Serve until SIGTERM, or until the master is dead; then leave the port to others, and answer what is there."""
        self.poller.register(
            self.method_queue.fileno(), selectors.EVENT_READ, self.method_queue.run_callbacks
        )
        self.held.poll_with(self.poller)
        self.set_accept_enabled(True)  # type: ignore[no-untyped-call]
        while self.alive and self.is_parent_alive():  # type: ignore[no-untyped-call]
            self.turn()
            self.set_accept_enabled(self.has_room())  # type: ignore[no-untyped-call]
        seconds = ORPHANED if self.alive else self.cfg.graceful_timeout
        if self.alive:
            # However long a thread still hangs, at the database for example.
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(ORPHANED + 1)
        self.alive = False
        self.stop_listening()
        self.leave(within=seconds)

    def turn(self) -> None:
        self.wait_for_and_dispatch_events(timeout=LOOKING)  # type: ignore[no-untyped-call]
        while self.held.is_too_heavy() and self.make_room():
            pass
        now = time.monotonic()
        if now - self.looked_at >= LOOKING:
            self.looked_at = now
            self.look(now)

    def look(self, now: float) -> None:
        self.notify()  # type: ignore[no-untyped-call]
        self.end_the_late(now)
        self.report_closed()

    def stop_listening(self) -> None:
        """The port is free when every process has closed it, and what nobody has accepted by then is reset."""
        self.set_accept_enabled(False)  # type: ignore[no-untyped-call]
        for listener in self.sockets:
            while self.accept_one(listener):
                pass
            listener.close()

    def leave(self, *, within: float) -> None:
        deadline = time.monotonic() + within
        for queue in (self.held.fresh, self.held.kept, self.held.ending):
            queue.seconds = min(LEAVING, within)
        while self.nr_conns > 0 and time.monotonic() < deadline:
            self.turn()
        self.tpool.shutdown(wait=False)

    def accept(self, listener: Any) -> None:
        """Some of those that wait: one in each turn would keep many waiting, and all of them the other workers idle."""
        for _ in range(ACCEPTED_IN_A_TURN):
            if not (self.has_room() and self.accept_one(listener)):
                return

    def accept_one(self, listener: Any) -> bool:
        """Whether there may be more to accept."""
        try:
            client, address = listener.accept()
        except OSError as error:
            return error.errno in NO_ROOM and self.make_room()
        if self.nr_conns >= self.worker_connections:
            self.make_room()
        self.nr_conns += 1
        conn = Conn(self.cfg, client, address, listener.getsockname())
        self.held.watch(conn, self.receive, self.held.fresh)
        return True

    def has_room(self) -> bool:
        """A connection that waits can give its place away; one whose request is whole cannot."""
        return self.nr_conns < self.worker_connections or len(self.held) > 0

    def make_room(self) -> bool:
        """Close the connection that has been silent longest; False if all are in the hands of threads."""
        conn = self.held.silent_longest()
        if conn is None:
            return False
        self.closed_for_others += 1
        self.drop(conn)
        return True

    def end_the_late(self, now: float) -> None:
        for conn in self.held.idle_too_long(now):
            self.drop(conn)
        for conn in self.held.busy_too_long(now):
            self.cut_off(conn)

    def report_closed(self) -> None:
        if self.closed_for_others:
            self.log.warning(
                "All %d connections of a worker were taken: closed the %d that were silent longest.",
                self.worker_connections,
                self.closed_for_others,
            )
            self.closed_for_others = 0
