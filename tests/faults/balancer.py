"""HAProxy in front of several servers: it asks each for /readyz, and sends requests to those that are ready."""

import csv
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.support.processes import running
from tests.support.server import free_port

SECONDS_TO_SEE = 10
HAPROXY = """
global
    maxconn 200
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend clients
    bind 127.0.0.1:{port}
    stats enable
    stats uri /balancer
    default_backend m2m_idp
backend m2m_idp
    option httpchk GET /readyz
    default-server check inter 1s fall 2 rise 1
{servers}
"""


@dataclass(frozen=True, slots=True)
class Balancer:
    port: int

    def wait_until_it_sends_to(self, server: int) -> None:
        """The server's port."""
        deadline = time.monotonic() + SECONDS_TO_SEE
        while not self._states()[f"at-{server}"].startswith("UP"):
            assert time.monotonic() < deadline, self._states()
            time.sleep(0.1)

    def _states(self) -> dict[str, str]:
        table = requests.get(f"http://127.0.0.1:{self.port}/balancer;csv", timeout=10).text
        return {row["svname"]: row["status"] for row in csv.DictReader(table.splitlines())}


@contextmanager
def balancing(directory: Path, ports: list[int]) -> Iterator[Balancer]:
    """As docs/operations.md configures it, but for quicker checks."""
    port = free_port()
    servers = "\n".join(f"    server at-{each} 127.0.0.1:{each}" for each in ports)
    configuration = directory / f"haproxy-{port}.cfg"
    configuration.write_text(HAPROXY.format(port=port, servers=servers))
    binary = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin") or "haproxy"
    with running([binary, "-db", "-f", str(configuration)], port):
        yield Balancer(port)
