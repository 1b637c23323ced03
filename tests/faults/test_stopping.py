"""m2m_idp/stopping.py and m2m_idp/worker: what becomes of connections when a server stops or loses its master."""

import http.client
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.cast import Cast
from tests.support.server import Server, connected, serve, stopped
from tests.support.wire import FORM

DRAINING = {"DRAIN_SECONDS": "4"}
WAITING = 50
"""Connections."""
A_MOMENT = 5
"""Seconds: what a busy machine may add."""

pytestmark = pytest.mark.slow


def wait_until(is_so: Callable[[], bool], *, within: float = 10) -> None:
    deadline = time.monotonic() + within
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_draining(server: Server) -> bool:
    return bool(server.get("/readyz").json() == {"status": "draining"})


def asked(link: http.client.HTTPConnection, path: str = "/livez") -> tuple[int, str | None]:
    """Status of the answer, and what it says of the connection."""
    link.request("GET", path)
    answer = link.getresponse()
    answer.read()
    return answer.status, answer.headers["Connection"]


@pytest.mark.contract("P1.6")
def test_a_server_that_has_to_stop_says_so_and_answers_on(cast: Cast, tmp_path: Path) -> None:
    with serve(tmp_path, 2, DRAINING) as server:
        kept = connected(server.port, None, timeout=10)
        assert asked(kept) == (200, "keep-alive")
        os.kill(server.pid, signal.SIGTERM)
        began = time.monotonic()
        wait_until(lambda: is_draining(server))
        assert server.get("/readyz").status_code == 503
        assert server.get("/livez").status_code == 200
        assert asked(kept) == (200, "close")
        kept.close()
        for worker in server.workers():
            with server.only(worker):
                answer = server.token(("billing", cast.secrets["billing"]))
                assert (answer.status_code, answer.headers["Connection"]) == (200, "close")
        assert time.monotonic() - began < int(DRAINING["DRAIN_SECONDS"]), "too slow to prove anything"
        wait_until(lambda: is_free(server.port))
        assert time.monotonic() - began > int(DRAINING["DRAIN_SECONDS"])


@pytest.mark.contract("P1.6")
def test_a_worker_that_dies_meanwhile_is_replaced(cast: Cast, tmp_path: Path) -> None:
    with serve(tmp_path, 1, DRAINING) as server:
        os.kill(server.pid, signal.SIGTERM)
        wait_until(lambda: is_draining(server))
        os.kill(server.workers()[0], signal.SIGKILL)
        assert server.get("/readyz").json() == {"status": "draining"}


@pytest.mark.contract("P1.6")
def test_connections_that_nobody_accepted_yet_are_served(cast: Cast, tmp_path: Path) -> None:
    body = b"grant_type=client_credentials"
    head = (
        f"POST /oidc_m2m/token HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: {len(body)}\r\n"
    )
    asking = f"{head}Authorization: {cast.basic('billing')}\r\n\r\n".encode() + body
    with serve(tmp_path, 2) as server, ExitStack() as opened:
        with stopped(server.workers()):
            links = [
                opened.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20))
                for _ in range(WAITING)
            ]
            for link in links:
                link.sendall(asking)
            os.kill(server.pid, signal.SIGTERM)
            wait_until(lambda: has_to_stop(server))
        answers = [link.recv(65_536) for link in links]
    assert [answer[:12] for answer in answers] == WAITING * [b"HTTP/1.1 200"]
    assert all(b"Connection: close" in answer for answer in answers)


def has_to_stop(server: Server) -> bool:
    """SIGTERM waits for each worker."""
    statuses = [Path(f"/proc/{worker}/status").read_text() for worker in server.workers()]
    pending = [line.split()[1] for status in statuses for line in status.splitlines() if "ShdPnd" in line]
    return all(int(signals, 16) & 1 << (signal.SIGTERM - 1) for signals in pending)


@pytest.mark.contract("P1.6")
def test_workers_whose_master_was_killed_leave_the_port_at_once_and_answer_what_they_have(
    cast: Cast, tmp_path: Path
) -> None:
    half = f"POST /oidc_m2m/token HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: 9\r\n\r\ngra"
    with serve(tmp_path, 2) as server, ExitStack() as opened:
        workers = server.workers()
        begun, idle, stuck = (
            opened.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20))
            for _ in range(3)
        )
        begun.sendall(half.encode())
        stuck.sendall(half.encode())
        assert server.get("/livez").status_code == 200
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: is_free(server.port), within=1 + A_MOMENT)
        begun.sendall(b"nt_typ")
        assert begun.recv(65_536).startswith(b"HTTP/1.1 4")
        assert idle.recv(65_536) == b""
        with serve(tmp_path, 1, port=server.port) as successor:
            assert successor.get("/livez").status_code == 200
        wait_until(lambda: not any(map(is_running, workers)), within=2 * A_MOMENT)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def is_running(pid: int) -> bool:
    """A zombie that nobody waits for runs no more."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
