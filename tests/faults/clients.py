"""Clients of a server that fails: they ask on and on, and note what they got."""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.support.server import Server
from tests.support.wire import FORM, Answer

SECONDS_TO_RECOVER = 5
UNREACHED = 0.05
"""Seconds after which a client tries a server again that it did not reach."""


@dataclass(slots=True)
class Client:
    """A client on one keep-alive connection, which it opens again when the server drops it."""

    port: int
    headers: Mapping[str, str]
    path: str = "/oidc_m2m/token"
    jtis: list[str] = field(default_factory=list)
    last_token_at: float = 0.0
    """When that was asked for: seconds of the monotonic clock."""
    broken: int = 0
    """Requests that got no answer."""
    unreached: int = 0
    """Connections that were refused: what was not sent is not lost."""
    refused: int = 0
    odd: list[str] = field(default_factory=list)
    """Answers that are neither a token nor a well-formed 503."""

    def run_until(self, is_over: Callable[[], bool]) -> None:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        while not is_over():
            at = time.monotonic()
            try:
                link.request("POST", self.path, b"grant_type=client_credentials", dict(self.headers))
                answer = link.getresponse()
                body = answer.read()
            except ConnectionRefusedError:
                self.unreached += 1
                link.close()
                time.sleep(UNREACHED)
                continue
            except (OSError, http.client.HTTPException):
                self.broken += 1
                link.close()
                time.sleep(UNREACHED)
                continue
            self.note(Answer(answer.status, dict(answer.headers), body), at=at)
        link.close()

    def note(self, answer: Answer, *, at: float) -> None:
        if answer.status == http.HTTPStatus.OK:
            self.jtis.append(answer.claims["jti"])
            self.last_token_at = at
        elif is_temporarily_unavailable(answer):
            self.refused += 1
        else:
            self.odd.append(f"{answer.status} {answer.body[:200]!r}")


def is_temporarily_unavailable(answer: Answer) -> bool:
    try:
        error = json.loads(answer.body)["error"]
    except (ValueError, KeyError):
        return False
    is_timed = int(answer.headers.get("Retry-After", 0)) > 0
    return (
        answer.status == http.HTTPStatus.SERVICE_UNAVAILABLE
        and error == "temporarily_unavailable"
        and is_timed
    )


@dataclass(frozen=True, slots=True)
class Crowd:
    clients: list[Client]

    @property
    def jtis(self) -> list[str]:
        return [jti for client in self.clients for jti in client.jtis]

    @property
    def odd(self) -> Counter[str]:
        return Counter(text for client in self.clients for text in client.odd)

    @property
    def refused(self) -> int:
        return sum(client.refused for client in self.clients)

    @property
    def broken(self) -> int:
        return sum(client.broken for client in self.clients)

    @property
    def unreached(self) -> int:
        return sum(client.unreached for client in self.clients)

    def wait_for(self, *, tokens: int = 0, refused: int = 0, within: float = 20) -> None:
        """Until so many more have arrived."""
        wanted = len(self.jtis) + tokens, self.refused + refused
        deadline = time.monotonic() + within
        while len(self.jtis) < wanted[0] or self.refused < wanted[1]:
            assert time.monotonic() < deadline, (len(self.jtis), self.refused, self.broken, self.odd)
            time.sleep(0.01)

    def assert_recovered(self) -> None:
        """Call it when the fault is over: soon each client has a token that it asked for since."""
        since = time.monotonic()
        while not all(client.last_token_at > since for client in self.clients):
            assert time.monotonic() < since + SECONDS_TO_RECOVER, "the server does not recover"
            time.sleep(0.01)


@contextmanager
def crowd(server: Server, requests: list[tuple[str, str]], *, connections: int) -> Iterator[Crowd]:
    """`requests`: path and Authorization header, dealt to the connections in turn."""
    asking = [requests[number % len(requests)] for number in range(connections)]
    clients = [
        Client(server.port, {"Authorization": authorization, "Content-Type": FORM}, path)
        for path, authorization in asking
    ]
    with asking_on(clients) as them:
        yield them


@contextmanager
def asking_on(clients: list[Client]) -> Iterator[Crowd]:
    """They ask one request after the other, for the length of the block."""
    over = threading.Event()
    threads = [threading.Thread(target=client.run_until, args=[over.is_set]) for client in clients]
    for thread in threads:
        thread.start()
    try:
        yield Crowd(clients)
    finally:
        over.set()
        for thread in threads:
            thread.join()
