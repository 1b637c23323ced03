"""Restarts under load: with several hosts behind a load balancer, or one host alone, no request is lost."""

import os
import signal
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.faults.balancer import balancing
from tests.faults.clients import Client, Crowd, asking_on
from tests.support.cast import Cast
from tests.support.server import Server, free_port, serve
from tests.support.wire import FORM

HOSTS = 3
WORKERS = 2
DRAINING = {"DRAIN_SECONDS": "4"}
"""Two of the balancer's checks, and time to spare on a busy machine."""
RELOADS = 3
SECONDS_TO_RELOAD = 30

pytestmark = pytest.mark.slow


@dataclass(slots=True)
class Host:
    """A server with a supervisor that starts it again when it has stopped."""

    directory: Path
    environment: dict[str, str]
    port: int = field(default_factory=free_port)
    running: ExitStack = field(default_factory=ExitStack)
    server: Server | None = None

    def start(self) -> Server:
        server = serve(self.directory, WORKERS, self.environment, port=self.port)
        self.server = self.running.enter_context(server)
        return self.server

    def restart(self) -> Server:
        self.running.close()
        return self.start()


def mixed_clients(port: int, cast: Cast) -> list[Client]:
    """Six that keep their connection, and two that open one for each request."""
    headers = {"Authorization": cast.basic("billing"), "Content-Type": FORM}
    keeping = [Client(port, headers) for _ in range(6)]
    return keeping + [Client(port, {**headers, "Connection": "close"}) for _ in range(2)]


def assert_none_is_lost(clients: Crowd) -> None:
    assert (clients.broken, clients.refused, clients.odd) == (0, 0, {})


@pytest.mark.contract("P1.6")
def test_a_rolling_restart_behind_a_load_balancer_loses_no_request(cast: Cast, tmp_path: Path) -> None:
    hosts = [Host(tmp_path, DRAINING) for _ in range(HOSTS)]
    with ExitStack() as stack:
        for host in hosts:
            stack.push(host.running)
            host.start()
        balancer = stack.enter_context(balancing(tmp_path, [host.port for host in hosts]))
        with asking_on(mixed_clients(balancer.port, cast)) as clients:
            for host in hosts:
                balancer.wait_until_it_sends_to(host.port)
                clients.wait_for(tokens=100)
                host.restart()
            balancer.wait_until_it_sends_to(hosts[-1].port)
            clients.wait_for(tokens=100)
    assert_none_is_lost(clients)
    assert clients.unreached == 0
    print(f"{len(clients.jtis)} tokens")


@pytest.mark.contract("P1.6")
@pytest.mark.parametrize("environment", [{"DRAIN_SECONDS": "2"}, {}], ids=["draining", "at once"])
def test_a_restart_of_one_host_answers_what_it_lets_in(
    cast: Cast, tmp_path: Path, environment: dict[str, str]
) -> None:
    host = Host(tmp_path, environment)
    with host.running:
        host.start()
        with asking_on(mixed_clients(host.port, cast)) as clients:
            for _ in range(2):
                clients.wait_for(tokens=100)
                host.restart()
            clients.wait_for(tokens=100)
    assert_none_is_lost(clients)
    assert clients.unreached, "no client met the restart: this proves nothing"


@pytest.mark.contract("P1.6")
def test_a_reload_loses_no_request(cast: Cast, tmp_path: Path) -> None:
    with serve(tmp_path, WORKERS) as server, asking_on(mixed_clients(server.port, cast)) as clients:
        for _ in range(RELOADS):
            clients.wait_for(tokens=100)
            reload(server)
        clients.wait_for(tokens=100)
    assert_none_is_lost(clients)
    assert clients.unreached == 0


def reload(server: Server) -> None:
    """Returns when other workers have taken the place of all."""
    old = set(server.workers())
    os.kill(server.pid, signal.SIGHUP)
    deadline = time.monotonic() + SECONDS_TO_RELOAD
    while old & set(server.workers()) or len(server.workers()) < WORKERS:
        assert time.monotonic() < deadline, "the old workers do not leave"
        time.sleep(0.05)
