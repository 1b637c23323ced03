"""Workers die at any moment, and still no token is in a client's hand without its row in the record."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from audit.models import IssuanceEvent, Outcome
from tests.faults.clients import Crowd, crowd
from tests.support.cast import Cast
from tests.support.server import Server, serve

KILLS = 200
WORKERS = 4
CONNECTIONS = 16
TOKENS_BETWEEN_KILLS = 40
SECONDS_AT_MOST = 600


@pytest.mark.slow
@pytest.mark.contract("P1.3")
def test_every_token_in_a_clients_hand_has_its_row(cast: Cast, tmp_path: Path) -> None:
    with (
        serve(tmp_path, WORKERS) as server,
        crowd(server, [("/oidc_m2m/token", cast.basic("billing"))], connections=CONNECTIONS) as clients,
    ):
        kill_workers(server, clients)
        clients.assert_recovered()
    jtis = clients.jtis
    recorded = set(IssuanceEvent.objects.filter(outcome=Outcome.ISSUED).values_list("jti", flat=True))
    assert len(jtis) == len(set(jtis)) >= KILLS
    assert set(jtis) <= recorded
    assert not clients.odd
    assert clients.broken, "no kill met a request: this proves nothing"


def kill_workers(server: Server, clients: Crowd) -> None:
    """Kill a worker at a random moment, each time after some tokens more have arrived."""
    deadline = time.monotonic() + SECONDS_AT_MOST
    for _ in range(KILLS):
        wanted = len(clients.jtis) + random.randint(1, TOKENS_BETWEEN_KILLS)
        while len(clients.jtis) < wanted or not server.workers():
            assert time.monotonic() < deadline, "the server does not recover"
            time.sleep(random.random() / 100)
        while not has_killed_one(server):
            assert time.monotonic() < deadline, "the server does not recover"


def has_killed_one(server: Server) -> bool:
    """One that was killed before may be reaped between the look and the act: it does not count twice."""
    try:
        os.kill(random.choice(server.workers()), signal.SIGKILL)
    except (IndexError, ProcessLookupError):
        return False
    return True
