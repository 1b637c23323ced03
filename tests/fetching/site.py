"""HTTPS servers on loopback that answer as a test says, and listeners that nobody may reach."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

Answer = Callable[[socket.socket], None]


class Site:
    """`answer` is called with the connection once the head of a request came. `requests` holds these heads."""

    def __init__(self, listener: socket.socket, certificate: Path) -> None:
        self.host, self.port = listener.getsockname()[:2]
        self.requests: list[str] = []
        self.answer: Answer = serves({})
        self._listener = listener
        self._asked = threading.Semaphore(0)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._connections: list[threading.Thread] = []

    def url(self, path: str = "/jwks", *, host: str | None = None) -> str:
        name = self.host if host is None else host
        return f"https://{f'[{name}]' if ':' in name else name}:{self.port}{path}"

    def wait_until_asked(self) -> None:
        """For a request that was not waited for yet."""
        assert self._asked.acquire(timeout=10)

    def accept(self) -> None:
        """Until the listener is shut."""
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(connection,))
                self._connections.append(thread)
                thread.start()

    def join(self) -> None:
        for thread in self._connections:
            thread.join()

    def _serve(self, plain: socket.socket) -> None:
        # A client that goes away is what most tests are about.
        with plain, suppress(OSError), self._context.wrap_socket(plain, server_side=True) as connection:
            head = b""
            while b"\r\n\r\n" not in head:
                block = connection.recv(65_536)
                if not block:
                    return
                head += block
            self.requests.append(head.decode())
            self._asked.release()
            self.answer(connection)


@contextmanager
def site(certificate: Path, host: str = "127.0.0.1") -> Iterator[Site]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:
        running = Site(listener, certificate)
        acceptor = threading.Thread(target=running.accept)
        acceptor.start()
        try:
            yield running
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join()
            running.join()


@contextmanager
def plain(answer: Answer) -> Iterator[int]:
    """The port of 127.0.0.1 where one connection is answered, without TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taker = threading.Thread(target=_answer_one, args=(listener, answer))
        taker.start()
        yield listener.getsockname()[1]
        taker.join()


def _answer_one(listener: socket.socket, answer: Answer) -> None:
    with suppress(OSError), listener.accept()[0] as connection:
        answer(connection)


@contextmanager
def full_listener(host: str, port: int) -> Iterator[int]:
    """The port where a connection is neither taken nor refused: one waits already."""
    with socket.create_server((host, port), backlog=0) as listener, socket.socket() as waiting:
        waiting.connect(listener.getsockname())
        yield listener.getsockname()[1]


def head(status: int = 200, **headers: object) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def sends(*blocks: bytes) -> Answer:
    return lambda connection: connection.sendall(b"".join(blocks))


def serves(body: Any, status: int = 200, **headers: object) -> Answer:
    """An answer in proper HTTP; what is not bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return sends(head(status, Content_Length=len(content), **headers), content)


def waits(connection: socket.socket) -> None:
    """Until the client goes away."""
    while connection.recv(65_536):
        pass


def trickles(*blocks: bytes, endless: bytes) -> Answer:
    """The last block again and again, a moment after the other, until the client goes away."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"".join(blocks))
        pause = threading.Event()
        while True:
            connection.sendall(endless)
            pause.wait(0.02)

    return answer


class Canary:
    """A listener that nobody may connect to, on one port of 127.0.0.1 and ::1."""

    def __init__(self, listeners: list[socket.socket]) -> None:
        self.port: int = listeners[0].getsockname()[1]
        self._listeners = listeners

    @property
    def connections(self) -> int:
        """Those that wait to be accepted: the kernel takes them as soon as they come."""
        count = 0
        for listener in self._listeners:
            with suppress(BlockingIOError):
                while True:
                    listener.accept()[0].close()
                    count += 1
        return count


@contextmanager
def canary() -> Iterator[Canary]:
    with socket.create_server(("127.0.0.1", 0)) as four:
        port = four.getsockname()[1]
        with socket.create_server(("::1", port), family=socket.AF_INET6) as six:
            for listener in (four, six):
                listener.settimeout(0)
            yield Canary([four, six])
