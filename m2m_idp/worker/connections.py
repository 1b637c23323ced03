"""The course of a connection: its request is read until it is whole, a thread answers, and the next one is awaited.

No thread waits for a client: each step here goes as far as the client has come, and is called again when there is more.
"""

import selectors
import socket
import ssl
import time
from concurrent.futures import Future
from typing import Any

from gunicorn.http.message import Request
from gunicorn.workers.gthread import ThreadWorker

from m2m_idp.worker.connection import Conn
from m2m_idp.worker.held import Held
from m2m_idp.worker.tls import Context
from runtime import draining

AT_A_TIME = 16_384
"""Bytes that are read in one go."""
MAX_TO_DRAIN = 65_536
"""Bytes that a client may send after its last answer."""


class ConnectionWorker(ThreadWorker):
    poller: Any
    tpool: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
        self.held = Held(places=self.worker_connections, keepalive=self.cfg.keepalive)
        self.tls = Context(self.cfg, self.log)
        self.is_tls = bool(self.cfg.is_ssl)

    def receive(self, conn: Conn) -> None:
        """Whatever of its request the client has sent meanwhile."""
        try:
            if not conn.is_secured:
                self.note_beginning(conn)
                self.secure(conn)
            received = self.received(conn)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            self.note_beginning(conn)
            return
        except ssl.SSLError as error:
            if not isinstance(error, ssl.SSLEOFError):
                self.log.warning("A TLS connection from ip=%s failed (%s).", conn.client[0], error.reason)
            self.held.unwatch(conn)
            self.linger(conn)
            return
        except OSError:
            self.drop(conn)
            return
        if received:
            self.take(conn, received)
        else:
            self.cut_off(conn)

    def take(self, conn: Conn, received: bytes) -> None:
        self.note_beginning(conn)
        conn.incoming.data += received
        self.go_on_with(conn)

    def note_beginning(self, conn: Conn) -> None:
        """Of a request, or of a handshake, unless it has begun."""
        conn.began = conn.began or time.monotonic()
        self.held.move(conn, self.held.busy)

    def received(self, conn: Conn) -> bytes:
        received = bytes(conn.sock.recv(AT_A_TIME))
        # TLS has decrypted more at once than it has handed out.
        while self.is_tls and received and conn.sock.pending():
            received += conn.sock.recv(AT_A_TIME)
        return received

    def secure(self, conn: Conn) -> None:
        """Raises ssl.SSLWantReadError until the handshake is done."""
        if not isinstance(conn.sock, ssl.SSLSocket):
            self.held.let_go(conn)
            conn.secure(self.tls.current())
            self.held.watch(conn, self.receive, self.held.busy)
        conn.advance_handshake()

    def go_on_with(self, conn: Conn) -> None:
        if conn.incoming.is_whole():
            self.hand_over(conn)
            return
        self.held.weigh(conn)
        if conn.incoming.expects_continue:
            try:
                conn.tell_to_continue()
            except OSError:
                self.drop(conn)

    def hand_over(self, conn: Conn) -> None:
        """To who answers it."""
        self.held.set_aside(conn)
        self.hand_to_thread(conn)

    def hand_to_thread(self, conn: Conn) -> None:
        self.held.let_go(conn)
        conn.take_request()
        self.enqueue_req(conn)  # type: ignore[no-untyped-call]

    def cut_off(self, conn: Conn) -> None:
        """Nothing more is read: a request whose body is not whole is refused as such, with its row of the record."""
        if conn.incoming.head:
            conn.is_cut_off = True
            self.hand_over(conn)
        else:
            self.drop(conn)

    def handle(self, conn: Conn) -> Any:
        """In a thread."""
        is_kept_alive = super().handle(conn)  # type: ignore[no-untyped-call]
        conn.sock.flush()
        return is_kept_alive

    def handle_request(self, req: Request, conn: Conn) -> Any:
        """What follows a request that was cut off is none; and a client that asks again is to reach another host."""
        if conn.is_cut_off or conn.is_last(req) or draining.has_begun():
            req.force_close()  # type: ignore[no-untyped-call]
        if conn.was_asked_to_continue:
            req._expected_100_continue = False  # noqa: SLF001
        return super().handle_request(req, conn)  # type: ignore[no-untyped-call]

    def finish_request(self, conn: Conn, fs: "Future[Any]") -> None:
        """In the main loop, after the thread."""
        if fs.cancelled() or fs.exception():
            self.forget(conn)
            return
        conn.is_kept_alive = fs.result()
        self.finish_answer(conn)

    def finish_answer(self, conn: Conn) -> None:
        if conn.sock.kept:
            self.held.watch(conn, self.send, self.held.busy, events=selectors.EVENT_WRITE)
        else:
            self.go_on_after_answer(conn)

    def send(self, conn: Conn) -> None:
        try:
            conn.sock.flush()
        except OSError:
            self.drop(conn)
            return
        if conn.sock.kept:
            self.held.move(conn, self.held.busy)
        else:
            self.held.unwatch(conn)
            self.go_on_after_answer(conn)

    def go_on_after_answer(self, conn: Conn) -> None:
        if not conn.is_kept_alive:
            self.linger(conn)
            return
        conn.await_next()
        self.held.watch(conn, self.receive, self.held.kept)
        if conn.incoming.data:
            conn.began = time.monotonic()
            self.held.move(conn, self.held.busy)
            self.go_on_with(conn)

    def linger(self, conn: Conn) -> None:
        """Say that nothing more will come, and wait for the client's end (RFC 9112 section 9.6), never standing still.

        A connection that is closed while bytes of the client lie unread takes the answer with it.
        """
        try:
            # Past TLS, which would forget its state.
            socket.socket.shutdown(conn.sock, socket.SHUT_WR)
        except OSError:
            self.forget(conn)
            return
        conn.left_to_drain = MAX_TO_DRAIN
        self.held.watch(conn, self.drain, self.held.ending)

    def drain(self, conn: Conn) -> None:
        try:
            received = len(socket.socket.recv(conn.sock, AT_A_TIME))
        except BlockingIOError:
            return
        except OSError:
            received = 0
        conn.left_to_drain -= received
        if not received or conn.left_to_drain <= 0:
            self.drop(conn)

    def drop(self, conn: Conn) -> None:
        self.held.unwatch(conn)
        self.forget(conn)

    def forget(self, conn: Conn) -> None:
        self.held.let_go(conn)
        self.nr_conns -= 1
        conn.close()  # type: ignore[no-untyped-call]
