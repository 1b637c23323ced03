"""One client's connection: what it has sent of a request, and what it has not yet taken of an answer.

No thread waits for a client. What it sends is read in the main loop until a request is whole; what it is sent is kept
until it takes it, up to MAX_KEPT, beyond which a thread waits with it.
"""

import select
import socket
import ssl
from typing import Any

from gunicorn import http
from gunicorn.workers.gthread import TConn

from m2m_idp.worker.incoming import Incoming

SILENCE = 10
"""Seconds that a connection may wait for the client to send, or to take what is sent."""
READING = 20
"""Seconds from the first byte of a request, its TLS handshake included, to the last."""
MAX_KEPT = 1_048_576
"""Bytes of an answer that is ahead of its client."""

MAX_LEFT = 65_536
"""Bytes of a body that gunicorn reads to the end where the application did not."""

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Kept:
    """Beside a socket that never blocks: what is sent is kept, and leaves together."""

    kept = b""

    def setblocking(self, _flag: bool) -> None:  # noqa: FBT001
        """gunicorn would have it block."""

    def sendall(self, data: Any, _flags: int = 0, /) -> None:
        self.kept += data
        if len(self.kept) > MAX_KEPT:
            self.flush_waiting()

    def flush(self) -> None:
        """Send as much as the client takes at once. Raises OSError where it is gone."""
        try:
            while self.kept:
                self.kept = self.kept[self.send(self.kept) :]  # type: ignore[attr-defined]
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return

    def flush_waiting(self) -> None:
        """Raises TimeoutError when the client takes nothing for SILENCE seconds."""
        poll = select.poll()
        poll.register(self, select.POLLOUT)  # type: ignore[arg-type]
        self.flush()
        while self.kept:
            if not poll.poll(SILENCE * 1000):
                raise TimeoutError
            self.flush()


class Connection(Kept, socket.socket):
    pass


class TLSConnection(Kept, ssl.SSLSocket):
    pass


class Conn(TConn):
    sock: Any
    parser: Any

    def __init__(self, cfg: Any, client: socket.socket, address: Any, server: Any) -> None:
        own = Connection(client.family, client.type, client.proto, fileno=client.detach())
        super().__init__(cfg, own, address, server)  # type: ignore[no-untyped-call]
        own.settimeout(0)
        # The main loop has done what gunicorn would do now.
        self.initialized = self.data_ready = True
        self.incoming = Incoming()
        self.began: float | None = None
        """When the first byte of its request came, None before that."""
        self.queue: Any = None
        """The Waiting that it stands in."""
        self.is_secured = not cfg.is_ssl
        self.was_asked_to_continue = False
        self.is_cut_off = False
        """No more of its request will be read."""
        self.is_kept_alive = True
        self.arrived = 0
        """Bytes of the body of the request that a thread has, and of what came behind it."""
        self.left_to_drain = 0
        self.head: Any = None
        """The Head that its client sent last, for one that the main loop answered."""
        self.watched: Any = None
        """For what the main loop's poller looks at it, and what is called then; None while it does not."""
        self.weight = 0
        """Bytes, as the worker has counted them."""

    def secure(self, context: ssl.SSLContext) -> None:
        """Raises OSError where the client is gone already."""
        self.sock = context.wrap_socket(self.sock, server_side=True, do_handshake_on_connect=False)

    def advance_handshake(self) -> None:
        """Raises ssl.SSLWantReadError where the client's part is missing, OSError where it is refused."""
        self.sock.do_handshake()
        self.is_secured = True

    def tell_to_continue(self) -> None:
        """RFC 9110 section 10.1.1. Raises OSError where the client is gone."""
        self.incoming.expects_continue = False
        self.was_asked_to_continue = True
        self.sock.kept += CONTINUE
        self.sock.flush()

    def repeats_head(self, received: bytes) -> bool:
        """Whether this is a whole request, and nothing else, with the head of one that was answered before."""
        head = self.head
        return (
            head is not None
            and len(received) == len(head.data) + head.body_length
            and received.startswith(head.data)
            and not self.incoming.data
        )

    def take_request(self) -> None:
        """What has arrived is for gunicorn's parser, which finds the end there, and nothing behind it."""
        self.is_cut_off = self.is_cut_off or self.incoming.is_too_long() or not self.incoming.head
        self.arrived = len(self.incoming.data) - self.incoming.head
        self.parser = http.get_parser(self.cfg, [bytes(self.incoming.data)], self.client)  # type: ignore[no-untyped-call]
        self.incoming = Incoming()

    def is_last(self, request: Any) -> bool:
        """Whether nothing can follow a request.

        gunicorn's parser found a longer body than was waited for, of which the rest would come next; or one that it
        does not read to its end where the application leaves it.
        """
        lengths = [int(value) for name, value in request.headers if name == "CONTENT-LENGTH"]
        return any(length > min(self.arrived, MAX_LEFT) for length in lengths)

    def await_next(self) -> None:
        """What the client sent ahead, behind the request that was answered, begins the next one."""
        if self.parser is not None:
            self.incoming.data += self.parser.unreader.take_buffered()
        self.parser = self.began = None
        self.was_asked_to_continue = False
