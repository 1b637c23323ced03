"""Load on a server: clients that ask for tokens one after the other, each on a connection of its own."""

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.support.cast import Cast
from tests.support.server import Server
from tests.support.wire import FORM, Answer

SECONDS_AT_MOST = 60


@dataclass(frozen=True, slots=True)
class Asked:
    """An answer, and when it was asked for: seconds of the monotonic clock."""

    at: float
    answer: Answer

    @property
    def kid(self) -> str:
        kid: str = self.answer.header["kid"]
        return kid


@dataclass(slots=True)
class Load:
    port: int
    headers: dict[str, str]
    asked: list[Asked] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def wait_for(self, tokens: int) -> None:
        """Until so many more have arrived."""
        wanted, deadline = len(self.asked) + tokens, time.monotonic() + SECONDS_AT_MOST
        while len(self.asked) < wanted:
            assert time.monotonic() < deadline, "the server does not keep up"
            time.sleep(0.01)

    def ask(self) -> None:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        while not self.over.is_set():
            at = time.monotonic()
            link.request("POST", "/oidc_m2m/token", b"grant_type=client_credentials", self.headers)
            answer = link.getresponse()
            self.asked.append(Asked(at, Answer(answer.status, {}, answer.read())))
        link.close()


@contextmanager
def under_load(server: Server, cast: Cast, *, connections: int) -> Iterator[Load]:
    load = Load(server.port, {"Authorization": cast.basic("billing"), "Content-Type": FORM})
    threads = [threading.Thread(target=load.ask) for _ in range(connections)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.over.set()
        for thread in threads:
            thread.join()
