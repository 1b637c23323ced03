"""The worker of the product: its main loop answers requests for tokens itself, side by side.

It does so as long as a request waits for nothing but its row (runtime/main_loop.py). A thread gets all others.
"""

import selectors
from functools import cached_property, partial
from typing import Any

from audit.writing.record import ROWS
from m2m_idp.worker.connection import Conn
from m2m_idp.worker.loop import Loop
from m2m_idp.worker.token_requests import Head, head_of, wire_bytes
from runtime import draining
from runtime.main_loop import MainLoop, WouldWaitError


class TokenWorker(Loop):
    wsgi: Any
    requests: MainLoop
    """Those that this thread answers."""

    def run(self) -> None:
        self.requests = MainLoop()
        self.poller.register(self.requests.descriptor, selectors.EVENT_READ, self.go_on_with_requests)
        super().run()

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Rows of the requests that came together leave together."""
        super().wait_for_and_dispatch_events(timeout)  # type: ignore[no-untyped-call]
        ROWS.flush()

    def look(self, now: float) -> None:
        super().look(now)
        ROWS.give_up_if_stuck()

    def go_on_with_requests(self, _descriptor: int) -> None:
        """Their rows are committed; those that came meanwhile are on their way before these are answered."""
        ROWS.flush()
        self.requests.go_on()

    def take(self, conn: Conn, received: bytes) -> None:
        if conn.repeats_head(received):
            self.held.set_aside(conn)
            self.start(conn, conn.head, received[len(conn.head.data) :])
        else:
            super().take(conn, received)

    def hand_over(self, conn: Conn) -> None:
        """To who answers it: this thread or another."""
        if self.has_requests_here and (head := head_of(conn, self.cfg)):
            self.held.set_aside(conn)
            body, conn.incoming = conn.incoming.taken()
            self.start(conn, head, body)
        else:
            super().hand_over(conn)

    @cached_property
    def has_requests_here(self) -> bool:
        """Whether the application is this product's own."""
        return hasattr(self.wsgi, "answer_in_main_loop")

    def start(self, conn: Conn, head: Head, body: bytes) -> None:
        self.requests.start(partial(self.answer, conn, head, body))

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
            self.send_at_once(conn)

    def keeps_alive(self) -> bool:
        return bool(self.alive and self.cfg.keepalive) and not draining.has_begun()

    def send_at_once(self, conn: Conn) -> None:
        try:
            conn.sock.flush()
        except OSError:
            self.forget(conn)
        else:
            self.finish_answer(conn)
