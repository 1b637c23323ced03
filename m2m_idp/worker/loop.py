"""gunicorn's threads, safe from clients that are slow or silent: on plain connections and where gunicorn ends TLS.

The main loop does all waiting: for the first byte, the TLS handshake, the rest of a request, the client that takes its
answer, its next request, and its end. A request for a token it answers itself, side by side with others, as long as
that waits for nothing but its row (runtime/main_loop.py). A thread gets all others, when they are whole. Where places
run out, the connection that has been silent longest is closed.
"""

import errno
import selectors
import signal
import socket
import ssl
import time
from concurrent.futures import Future
from functools import cached_property, partial
from typing import Any

from gunicorn.http.message import Request
from gunicorn.workers.gthread import ThreadWorker

from audit.writing.record import ROWS
from m2m_idp.worker.connection import Conn
from m2m_idp.worker.held import Held
from m2m_idp.worker.tls import Context
from m2m_idp.worker.token_requests import Head, head_of, wire_bytes
from runtime import draining
from runtime.main_loop import MainLoop, WouldWaitError

AT_A_TIME = 16_384
"""Bytes that are read in one go."""
ACCEPTED_IN_A_TURN = 16
MAX_TO_DRAIN = 65_536
"""Bytes that a client may send after its last answer."""
LEAVING = 2
"""Seconds that a stopping worker waits for the request of a client that has begun none."""
ORPHANED = 5
"""Seconds that a worker takes to leave when the master is dead."""
LOOKING = 0.5
"""Seconds between two looks for those that are late."""
NO_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Worker(ThreadWorker):
    poller: Any
    method_queue: Any
    tpool: Any
    wsgi: Any
    requests: MainLoop
    """Those that this thread answers."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
        self.held = Held(places=self.worker_connections, keepalive=self.cfg.keepalive)
        self.looked_at = 0.0
        self.closed_for_others = 0
        self.tls = Context(self.cfg, self.log)
        self.is_tls = bool(self.cfg.is_ssl)

    def run(self) -> None:
        """Serve until SIGTERM, or until the master is dead; then leave the port to others, and answer what is there."""
        self.poller.register(
            self.method_queue.fileno(), selectors.EVENT_READ, self.method_queue.run_callbacks
        )
        self.requests = MainLoop()
        self.poller.register(self.requests.descriptor, selectors.EVENT_READ, self.go_on_with_requests)
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
        ROWS.flush()
        while self.held.is_too_heavy() and self.make_room():
            pass
        now = time.monotonic()
        if now - self.looked_at >= LOOKING:
            self.looked_at = now
            self.notify()  # type: ignore[no-untyped-call]
            self.end_the_late(now)
            self.report_closed()
            ROWS.give_up_if_stuck()

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
        if conn.repeats_head(received):
            self.held.set_aside(conn)
            self.answer_here(conn, conn.head, received[len(conn.head.data) :])
        elif received:
            self.note_beginning(conn)
            conn.incoming.data += received
            self.go_on_with(conn)
        else:
            self.cut_off(conn)

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
        """To whom answers it: this thread or another."""
        self.held.set_aside(conn)
        if self.has_requests_here and (head := head_of(conn, self.cfg)):
            body, conn.incoming = conn.incoming.taken()
            self.answer_here(conn, head, body)
        else:
            self.hand_to_thread(conn)

    def hand_to_thread(self, conn: Conn) -> None:
        self.held.let_go(conn)
        conn.take_request()
        self.enqueue_req(conn)  # type: ignore[no-untyped-call]

    @cached_property
    def has_requests_here(self) -> bool:
        """Whether the application is this product's own."""
        return hasattr(self.wsgi, "answer_in_main_loop")

    def answer_here(self, conn: Conn, head: Head, body: bytes) -> None:
        self.requests.start(partial(self.answer, conn, head, body))

    def go_on_with_requests(self, _descriptor: int) -> None:
        """Their rows are committed; those that came meanwhile are on their way before these are answered."""
        ROWS.flush()
        self.requests.go_on()

    def answer(self, conn: Conn, head: Head, body: bytes) -> None:
        """In the main loop. A request that would wait is given back whole, and to a thread."""
        try:
            answer = self.wsgi.answer_in_main_loop(head.environ_with(body))
            conn.is_kept_alive = head.is_kept_alive and self.keeps_alive()
            conn.sock.kept += wire_bytes(answer, is_kept_alive=conn.is_kept_alive)
        except WouldWaitError:
            conn.incoming = conn.incoming.behind(head.data + body)
            self.hand_to_thread(conn)
        except Exception:
            self.log.exception("A request for a token was not answered.")
            self.forget(conn)
        else:
            self.send_here(conn)

    def keeps_alive(self) -> bool:
        return bool(self.alive and self.cfg.keepalive) and not draining.has_begun()

    def send_here(self, conn: Conn) -> None:
        try:
            conn.sock.flush()
        except OSError:
            self.forget(conn)
        else:
            self.finish_answer(conn)

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
        if conn.was_told_to_continue:
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
