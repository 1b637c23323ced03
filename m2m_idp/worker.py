"""gunicorn's threads, safe from clients that are slow or silent: on plain connections and where gunicorn ends TLS.

A thread serves a connection only from the first byte of a request to the last of its answer. Who is silent in between
for SILENCE seconds, or has not sent the whole request after READING, is cut off. The main loop waits for what comes
before and after: a first byte, the next request, and the client's own end after the last answer.
"""

import selectors
import signal
import socket
import ssl
import time
from concurrent.futures import Future
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from gunicorn.http.message import Request
from gunicorn.workers.gthread import TConn, ThreadWorker

from issuance import draining

SILENCE = 10
"""Seconds that a connection may wait for the client to send, or to take what is sent."""
READING = 20
"""Seconds from the first byte of a request, its TLS handshake included, to the last."""
MOST_TO_DRAIN = 65_536
LEAVING = 2
"""Seconds that a stopping worker waits for the request of a client that has begun none."""
ORPHANED = 5
"""Seconds that a worker takes to leave when the master is dead."""


class Worker(ThreadWorker):
    poller: Any
    method_queue: Any
    tpool: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
        self.in_hand: dict[TConn, float] = {}
        """When its request came to a thread, of each connection that has one."""
        self.left_to_drain: WeakKeyDictionary[TConn, int] = WeakKeyDictionary()

    def run(self) -> None:
        """Serve until SIGTERM, or until the master is dead; then leave the port to others, and answer what is there."""
        self.poller.register(
            self.method_queue.fileno(), selectors.EVENT_READ, self.method_queue.run_callbacks
        )
        self.set_accept_enabled(True)  # type: ignore[no-untyped-call]
        while self.alive and self.is_parent_alive():  # type: ignore[no-untyped-call]
            self.turn()
            self.set_accept_enabled(self.nr_conns < self.worker_connections)  # type: ignore[no-untyped-call]
        seconds = ORPHANED if self.alive else self.cfg.graceful_timeout
        if self.alive:
            # However long a thread still hangs, at the database for example.
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(ORPHANED + 1)
        self.alive = False
        self.stop_listening()
        self.leave(within=seconds)

    def turn(self) -> None:
        self.notify()  # type: ignore[no-untyped-call]
        self.wait_for_and_dispatch_events(timeout=1.0)  # type: ignore[no-untyped-call]
        self.murder_keepalived()  # type: ignore[no-untyped-call]
        self.murder_pending()

    def stop_listening(self) -> None:
        """The port is free when every process has closed it, and what nobody has accepted by then is reset."""
        self.set_accept_enabled(False)  # type: ignore[no-untyped-call]
        for listener in self.sockets:
            while self.accept(listener):
                pass
            listener.close()

    def accept(self, listener: Any) -> bool:
        """Whether there was a connection to accept."""
        before = self.nr_conns
        super().accept(listener)  # type: ignore[no-untyped-call]
        return self.nr_conns > before

    def leave(self, *, within: float) -> None:
        deadline = time.monotonic() + within
        idle_until = time.monotonic() + min(LEAVING, within)
        for conn in (*self.keepalived_conns, *self.pending_conns):
            conn.timeout = min(conn.timeout, idle_until)
        while self.nr_conns > 0 and time.monotonic() < deadline:
            self.turn()
        self.murder_keepalived(force=True)  # type: ignore[no-untyped-call]
        self.tpool.shutdown(wait=False)

    def handle_request(self, req: Request, conn: TConn) -> Any:
        """A client that asks again is to reach another host."""
        if draining.has_begun():
            req.force_close()  # type: ignore[no-untyped-call]
        return super().handle_request(req, conn)  # type: ignore[no-untyped-call]

    def enqueue_req(self, conn: TConn) -> None:
        """A new connection waits for its first byte in the main loop: there it costs no thread."""
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)  # type: ignore[no-untyped-call]
            return
        conn.sock = Connection(conn.sock.family, conn.sock.type, conn.sock.proto, fileno=conn.sock.detach())
        self.wait_for(conn, self.on_pending_socket_readable)

    def handle(self, conn: TConn) -> Any:
        self.in_hand[conn] = time.monotonic()
        try:
            return super().handle(conn)  # type: ignore[no-untyped-call]
        finally:
            del self.in_hand[conn]

    def finish_request(self, conn: TConn, fs: "Future[Any]") -> None:
        """In the main loop, after the answer."""
        if fs.cancelled() or fs.exception() or fs.result():
            super().finish_request(conn, fs)  # type: ignore[no-untyped-call]
        else:
            self.linger(conn)

    def linger(self, conn: TConn) -> None:
        """Say that nothing more will come, and wait for the client's end (RFC 9112 section 9.6), never standing still.

        A connection that is closed while bytes of the client lie unread takes the answer with it.
        """
        try:
            # Past TLS, which would forget its state.
            socket.socket.shutdown(conn.sock, socket.SHUT_WR)
        except OSError:
            self.forget(conn)
            return
        self.left_to_drain[conn] = MOST_TO_DRAIN
        self.wait_for(conn, self.on_lingering_socket_readable)

    def on_lingering_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        try:
            received = len(socket.socket.recv(client, MOST_TO_DRAIN))
        except BlockingIOError:
            return
        except OSError:
            received = 0
        self.left_to_drain[conn] -= received
        if not received or self.left_to_drain[conn] <= 0:
            self.poller.unregister(client)
            self.pending_conns.remove(conn)
            self.forget(conn)

    def wait_for(self, conn: TConn, readable: Any) -> None:
        """Call `readable` as soon as the client sends or ends; SILENCE seconds later it is closed."""
        conn.sock.setblocking(False)  # noqa: FBT003
        conn.timeout = time.monotonic() + SILENCE
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(readable, conn))

    def forget(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()  # type: ignore[no-untyped-call]

    def murder_pending(self) -> None:
        """Each second or more often: close those that stayed silent, and end the reading of what takes too long.

        The thread that reads sees the client's end, and answers or gives up as it would then.
        """
        super().murder_pending()  # type: ignore[no-untyped-call]
        now = time.monotonic()
        for conn, began in list(self.in_hand.items()):
            if now - began > READING:
                end_reading(conn.sock)


def end_reading(connection: socket.socket) -> None:
    try:
        socket.socket.shutdown(connection, socket.SHUT_RD)
    except OSError:
        # It has been closed meanwhile.
        return


class Connection(socket.socket):
    """Waits SILENCE seconds where gunicorn asks it to wait for ever; TLS on it inherits that for the handshake."""

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001
        self.settimeout(SILENCE if flag else 0)


class TLSConnection(ssl.SSLSocket):
    """The same, once TLS is spoken."""

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001
        self.settimeout(SILENCE if flag else 0)
