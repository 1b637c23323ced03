"""m2m_idp/worker: clients that are slow or silent cost others little, on plain connections and on TLS."""

import http.client
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from django.conf import settings

from m2m_idp.worker.connection import READING, SILENCE
from tests.support.server import Server, connected
from tests.support.wire import FORM

A_MOMENT = 5
"""Seconds: what a busy machine may add."""
HEAD = b"POST /oidc_m2m/token HTTP/1.1\r\nHost: x\r\n"
BODY_TO_COME = HEAD + f"Content-Type: {FORM}\r\nContent-Length: 5000\r\n\r\n".encode()
CHUNKS_TO_COME = HEAD + f"Content-Type: {FORM}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ngrant".encode()
KEYS = b"GET /oidc_m2m/jwks HTTP/1.1\r\nHost: x\r\n\r\n"
MANY = 4 * settings.THREADS
"""Slow clients: a thread for each would leave none."""
HALF_A_HELLO = b"\x16\x03\x01\x02\x00\x01\x00"

pytestmark = pytest.mark.slow


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """What it holds is closed after the test."""
    with ExitStack() as stack:
        yield stack


def raw(server: Server, opened: ExitStack) -> socket.socket:
    link = opened.enter_context(socket.socket())
    # So small that an answer which is not read soon fills it.
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.settimeout(10)
    link.connect(("127.0.0.1", server.port))
    return link


def sending(server: Server, opened: ExitStack, beginning: bytes) -> socket.socket:
    """A client that has sent this much."""
    link = raw(server, opened)
    if server.tls:
        link = opened.enter_context(server.tls.trust.wrap_socket(link, server_hostname="127.0.0.1"))
    link.sendall(beginning)
    return link


def kept_alive(server: Server, opened: ExitStack) -> http.client.HTTPConnection:
    link = connected(server.port, server.tls, timeout=60)
    opened.callback(link.close)
    return link


def status(link: http.client.HTTPConnection) -> int:
    link.request("GET", "/oidc_m2m/jwks")
    answer = link.getresponse()
    answer.read()
    return answer.status


def seconds_to_be_served(server: Server) -> float:
    """How long a client that does nothing wrong waits."""
    began = time.monotonic()
    with ExitStack() as opened:
        assert status(kept_alive(server, opened)) == 200
    return time.monotonic() - began


def seconds_to_be_cut_off(links: list[socket.socket], since: float, meanwhile: bytes = b"") -> list[float]:
    """After how long the server ended each of the connections, with an answer or without."""
    ended: dict[socket.socket, float] = {}
    while len(ended) < len(links):
        assert time.monotonic() - since < READING + 2 * A_MOMENT, f"{len(links) - len(ended)} are not cut off"
        for link in set(links) - ended.keys():
            if has_ended(link):
                ended[link] = time.monotonic() - since
            elif meanwhile:
                with suppress(OSError):
                    link.sendall(meanwhile)
        time.sleep(0.1)
    return list(ended.values())


def has_ended(link: socket.socket) -> bool:
    link.settimeout(0)
    try:
        while link.recv(65_536):
            pass
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True
    finally:
        link.settimeout(10)
    return True


def is_ended(link: socket.socket) -> bool:
    """The server ended the connection, with an answer or without."""
    link.settimeout(A_MOMENT)
    try:
        while link.recv(65_536):
            pass
    except (ConnectionError, ssl.SSLError):
        return True
    except TimeoutError:
        return False
    return True


def is_established(server: Server, link: socket.socket) -> bool:
    """As the server's end of the connection sees it: the client's has unread answers before the end."""
    ends = f":{server.port:04X} 0100007F:{link.getsockname()[1]:04X} 01 "
    return ends in Path("/proc/net/tcp").read_text()


@pytest.mark.contract("P1.7", "P2.11")
@pytest.mark.parametrize("beginning", [HEAD, BODY_TO_COME, CHUNKS_TO_COME], ids=["head", "body", "chunks"])
def test_those_that_stop_in_the_middle_cost_nothing_and_are_cut_off(
    one_worker: Server, opened: ExitStack, beginning: bytes
) -> None:
    patient = kept_alive(one_worker, opened)
    assert status(patient) == 200
    began = time.monotonic()
    links = [sending(one_worker, opened, beginning) for _ in range(MANY)]
    assert seconds_to_be_served(one_worker) < A_MOMENT
    ended = seconds_to_be_cut_off(links, began)
    assert min(ended) > SILENCE - 1
    assert max(ended) < SILENCE + 2 * A_MOMENT
    assert status(patient) == 200
    assert "Traceback" not in one_worker.log.read_text()


@pytest.mark.contract("P1.7", "P2.11")
@pytest.mark.parametrize("beginning", [HEAD, BODY_TO_COME], ids=["head", "body"])
def test_those_that_trickle_cost_nothing_and_are_cut_off(
    one_worker: Server, opened: ExitStack, beginning: bytes
) -> None:
    began = time.monotonic()
    links = [sending(one_worker, opened, beginning) for _ in range(MANY)]
    assert seconds_to_be_served(one_worker) < A_MOMENT
    ended = seconds_to_be_cut_off(links, began, meanwhile=b"a")
    assert min(ended) > READING - 1
    assert max(ended) < READING + 2 * A_MOMENT
    assert "Traceback" not in one_worker.log.read_text()


@pytest.mark.contract("P2.11")
def test_one_that_does_not_take_its_answers_is_cut_off(one_worker: Server, opened: ExitStack) -> None:
    # The answers are more than the system keeps for a client that does not read.
    link = sending(one_worker, opened, 6000 * KEYS)
    began = time.monotonic()
    while is_established(one_worker, link):
        assert time.monotonic() - began < SILENCE + 4 * A_MOMENT
        time.sleep(0.1)
    assert time.monotonic() - began > SILENCE
    assert is_ended(link)
    assert "Traceback" not in one_worker.log.read_text()


@pytest.mark.contract("P2.11")
@pytest.mark.parametrize("one_worker", ["TLS"], indirect=True)
def test_one_that_does_not_finish_its_handshake_is_cut_off(one_worker: Server, opened: ExitStack) -> None:
    began = time.monotonic()
    links = [raw(one_worker, opened) for _ in range(MANY)]
    for link in links:
        link.sendall(HALF_A_HELLO)
    assert seconds_to_be_served(one_worker) < A_MOMENT
    ended = seconds_to_be_cut_off(links, began)
    assert min(ended) > SILENCE - 1
    assert max(ended) < SILENCE + 2 * A_MOMENT
    assert "Traceback" not in one_worker.log.read_text()


@pytest.mark.contract("P2.11")
def test_one_that_has_not_begun_costs_nothing(one_worker: Server, opened: ExitStack) -> None:
    assert len([raw(one_worker, opened) for _ in range(100)]) == 100
    assert seconds_to_be_served(one_worker) < A_MOMENT


@pytest.mark.contract("P2.11")
@pytest.mark.spec("RFC 9112", "9.6")
def test_one_that_does_not_close_after_its_last_answer_costs_nothing(
    one_worker: Server, opened: ExitStack
) -> None:
    last = KEYS.replace(b"Host: x", b"Host: x\r\nConnection: close")
    links = [sending(one_worker, opened, last) for _ in range(20)]
    assert seconds_to_be_served(one_worker) < A_MOMENT
    assert [is_ended(link) for link in links] == 20 * [True]


@pytest.mark.contract("P2.11")
@pytest.mark.spec("RFC 9112", "9.3")
def test_a_connection_is_kept_alive(one_worker: Server, opened: ExitStack) -> None:
    link = kept_alive(one_worker, opened)
    assert status(link) == 200
    first = link.sock
    assert [status(link) for _ in range(3)] == [200, 200, 200]
    assert link.sock is first
