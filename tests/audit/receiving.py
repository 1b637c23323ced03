"""A place on loopback that takes statements of checkpoints over TLS, or answers as a test says."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.server import Tls

Answer = Callable[[BaseHTTPRequestHandler], None]


def says(status: int, **headers: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            request.send_header(name, value)
        request.end_headers()

    return answer


def goes_away(request: BaseHTTPRequestHandler) -> None:
    """It has the statement, and nobody hears of it."""
    request.connection.close()


def trickles(request: BaseHTTPRequestHandler) -> None:
    """A byte now and then, so that no socket ever waits for long; until the other end is gone."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\n")
    pause = threading.Event()
    while True:
        request.wfile.write(b"X")
        pause.wait(0.5)


@dataclass(slots=True)
class Receiver:
    url: str = ""
    answers: list[Answer] = field(default_factory=list)
    """One for each request, in turn; then 204."""
    got: list[str] = field(default_factory=list)
    """The statements, as they came."""


@contextmanager
def receiver(tls: Tls) -> Iterator[Receiver]:
    told = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.got.append(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
            answer = told.answers.pop(0) if told.answers else says(204)
            try:
                answer(self)
            except OSError:
                self.close_connection = True

        def do_GET(self) -> None:
            """As what follows a redirect asks."""
            self.do_POST()

        def log_message(self, *_arguments: object) -> None:
            """Says nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.certificate, tls.key)
    with TlsServer(("127.0.0.1", 0), Handler) as server:
        server.context = context
        told.url = f"https://127.0.0.1:{server.server_port}/checkpoints?token=secret"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield told
        server.shutdown()
        thread.join()


class TlsServer(ThreadingHTTPServer):
    """Hands shake in the thread of the connection: one that is refused holds up none."""

    context: ssl.SSLContext

    def finish_request(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: Any
    ) -> None:
        assert isinstance(request, socket.socket)
        with self.context.wrap_socket(request, server_side=True) as connection:
            super().finish_request(connection, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Of a client that does not trust it, or is gone."""
