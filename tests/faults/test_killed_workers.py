"""Workers die at any moment, and still no token is in a client's hand without its row in the record."""

import http.client
import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from audit.models import IssuanceEvent, Outcome
from tests.cast import Cast
from tests.server import Server, serve
from tests.wire import FORM, Answer

KILLS = 200
WORKERS = 4
CONNECTIONS = 16
TOKENS_BETWEEN_KILLS = 40
SECONDS_AT_MOST = 600


@dataclass(slots=True)
class Client:
    """A client on one keep-alive connection, which it opens anew when the server drops it."""

    port: int
    headers: dict[str, str]
    jtis: list[str] = field(default_factory=list)
    broken: int = 0

    def run_until(self, is_over: Callable[[], bool]) -> None:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        while not is_over():
            try:
                link.request("POST", "/oidc_m2m/token", b"grant_type=client_credentials", self.headers)
                answer = link.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException):
                self.broken += 1
                link.close()
                continue
            if answer.status == http.HTTPStatus.OK:
                self.jtis.append(Answer(answer.status, {}, body).claims["jti"])
            else:
                assert json.loads(body)["error"] == "temporarily_unavailable"
        link.close()


@pytest.mark.slow
@pytest.mark.contract("P1.3")
def test_every_token_in_a_clients_hand_has_its_row(cast: Cast, tmp_path: Path) -> None:
    headers = {"Authorization": cast.basic("billing"), "Content-Type": FORM}
    over = threading.Event()
    with serve(tmp_path, WORKERS) as server:
        clients = [Client(server.port, headers) for _ in range(CONNECTIONS)]
        threads = [threading.Thread(target=client.run_until, args=[over.is_set]) for client in clients]
        for thread in threads:
            thread.start()
        try:
            kill_workers(server, clients)
        finally:
            over.set()
            for thread in threads:
                thread.join()
    jtis = [jti for client in clients for jti in client.jtis]
    recorded = set(IssuanceEvent.objects.filter(outcome=Outcome.ISSUED).values_list("jti", flat=True))
    assert len(jtis) == len(set(jtis)) >= KILLS
    assert set(jtis) <= recorded
    assert sum(client.broken for client in clients) > 0, "no kill met a request: this proves nothing"


def kill_workers(server: Server, clients: list[Client]) -> None:
    """Kill a worker at a random moment, each time after some tokens more have arrived."""
    deadline = time.monotonic() + SECONDS_AT_MOST
    for _ in range(KILLS):
        wanted = sum(len(client.jtis) for client in clients) + random.randint(1, TOKENS_BETWEEN_KILLS)
        while sum(len(client.jtis) for client in clients) < wanted or not server.workers():
            assert time.monotonic() < deadline, "the server does not recover"
            time.sleep(random.random() / 100)
        os.kill(random.choice(server.workers()), signal.SIGKILL)
