"""m2m_idp/worker: requests for tokens that the main loop answers itself, byte by byte on the wire."""

import base64
import http.client
import json
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from audit.models import IssuanceEvent
from tests.support.cast import Cast
from tests.support.server import Server
from tests.support.wire import FORM

ASKING = b"grant_type=client_credentials"
ITS_OWN = {"date", "x-request-id"}
"""Headers that no two answers share."""
KEYS = b"GET /oidc_m2m/jwks HTTP/1.1\r\nHost: x\r\n\r\n"

pytestmark = pytest.mark.slow


class Link:
    """A connection, and the answers on it in their order."""

    def __init__(self, server: Server, opened: ExitStack) -> None:
        link = opened.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20))
        # Small pieces leave at once.
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if server.tls:
            link = opened.enter_context(server.tls.trust.wrap_socket(link, server_hostname="127.0.0.1"))
        self.socket: socket.socket | ssl.SSLSocket = link
        self._file = opened.enter_context(link.makefile("rb"))

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.socket.sendall(piece)

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        status = int(self._file.readline().split()[1])
        headers = {}
        while line := self._file.readline().rstrip(b"\r\n").decode():
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        return status, headers, self._file.read(int(headers["content-length"]))

    def is_closed(self) -> bool:
        return self._file.read(1) == b""


@pytest.fixture
def link(one_worker: Server) -> Iterator[Link]:
    # A thread answers the first request of a process, which reads the configuration.
    assert one_worker.token(("nobody", "x")).status_code == http.HTTPStatus.UNAUTHORIZED
    with ExitStack() as opened:
        yield Link(one_worker, opened)


def request(authorization: str, *, body: bytes = ASKING, headers: str = "") -> bytes:
    head = f"POST /oidc_m2m/token HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n{headers}"
    return f"{head}Content-Type: {FORM}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def in_chunks(authorization: str, *, body: bytes = ASKING) -> bytes:
    """The same for a thread, which reads chunks."""
    head = f"POST /oidc_m2m/token HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n"
    chunk = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    return f"{head}Content-Type: {FORM}\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + chunk


def claims(body: bytes) -> dict[str, Any]:
    segment = json.loads(body)["access_token"].split(".")[1]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(segment + "=="))
    return decoded


@pytest.mark.parametrize("one_worker", ["plain"], indirect=True)
def test_an_answer_is_the_same_whichever_thread_gives_it(cast: Cast, link: Link) -> None:
    for authorization in (cast.basic("billing"), "Basic eDp5", "Bearer x", ""):
        for body in (ASKING, b"scope=unknown", b"%zz", b"&", b"grant_type=password"):
            assert_same_answer(link, authorization, body)


def assert_same_answer(link: Link, authorization: str, body: bytes) -> None:
    answers = []
    for asking in (request, in_chunks):
        link.send(asking(authorization, body=body))
        status, headers, content = link.answer()
        of_token = {"claims": set(claims(content))} if status == http.HTTPStatus.OK else content
        answers.append((status, {name: headers[name] for name in headers.keys() - ITS_OWN}, of_token))
    assert answers[0] == answers[1], (authorization, body)
    assert headers.keys() > ITS_OWN


def test_requests_that_are_sent_ahead_are_answered_in_their_order(cast: Cast, link: Link) -> None:
    billing, wrong = request(cast.basic("billing")), request("Basic eDp5")
    sent = [billing, wrong, KEYS, billing, in_chunks(cast.basic("billing")), billing] * 5
    link.send(b"".join(sent))
    answers = [link.answer() for _ in sent]
    assert [status for status, _, _ in answers] == [200, 401, 200, 200, 200, 200] * 5
    jtis = [claims(body)["jti"] for status, _, body in answers if b"access_token" in body]
    assert len(set(jtis)) == 20
    assert IssuanceEvent.objects.filter(jti__in=jtis, outcome="issued").count() == 20


def test_a_request_may_come_in_any_pieces(cast: Cast, link: Link) -> None:
    whole = request(cast.basic("billing"))
    for cut in range(1, len(whole), 7):
        link.send(whole[:cut], whole[cut:])
        status, _, body = link.answer()
        assert (status, claims(body)["client_id"]) == (200, "billing")


def test_of_a_head_that_differs_in_one_byte_nothing_is_remembered(cast: Cast, link: Link) -> None:
    """A head that is sent again is not parsed again: that must not give one client the answer of another."""
    right = cast.basic("billing")
    wrong = "Basic " + base64.b64encode(base64.b64decode(right.split()[1])[:-1] + b"~").decode()
    assert len(right) == len(wrong)
    for authorization, expected in [(right, 200), (right, 200), (wrong, 401), (right, 200), (wrong, 401)]:
        link.send(request(authorization))
        assert link.answer()[0] == expected
    for scope, expected in [("invoices.read", 200), ("invoices.reed", 400), ("invoices.read", 200)]:
        link.send(request(right, body=ASKING + f"&scope={scope}".encode()))
        assert link.answer()[0] == expected


@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_a_client_that_wants_the_connection_closed_has_it_closed(
    cast: Cast, link: Link, version: str
) -> None:
    asking = request(cast.basic("billing"), headers="Connection: close\r\n")
    link.send(asking.replace(b"HTTP/1.1", f"HTTP/{version}".encode()))
    status, headers, _ = link.answer()
    assert (status, headers["connection"]) == (200, "close")
    assert link.is_closed()


@pytest.mark.parametrize("one_worker", ["plain"], indirect=True)
def test_a_client_that_sends_no_more_still_gets_its_answer(cast: Cast, link: Link) -> None:
    link.send(request(cast.basic("billing")))
    socket.socket.shutdown(link.socket, socket.SHUT_WR)
    assert link.answer()[0] == http.HTTPStatus.OK
    assert link.is_closed()


IN_DOUBT = [
    "Content-Length: 29\r\nContent-Length: 29\r\n",
    "Content-Length: 29\r\nContent-Length: 30\r\n",
    "Content-Length: 29\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 29\r\n",
    "Content-Length: +29\r\n",
    "Content-Length: 2_9\r\n",
    "Content-Length : 29\r\n",
    "Content-Length:\t29\r\n X: folded\r\n",
]


@pytest.mark.parametrize("one_worker", ["plain"], indirect=True)
def test_a_body_whose_length_is_in_doubt_is_never_the_beginning_of_another_request(
    cast: Cast, one_worker: Server
) -> None:
    """RFC 9112 section 6.3: otherwise one client's bytes would be read as another's request."""
    head = f"POST /oidc_m2m/token HTTP/1.1\r\nHost: x\r\nAuthorization: {cast.basic('billing')}\r\n"
    for framing in IN_DOUBT:
        with ExitStack() as opened:
            link = Link(one_worker, opened)
            link.send(f"{head}Content-Type: {FORM}\r\n{framing}\r\n".encode() + ASKING)
            status, headers, _ = link.answer()
            assert (status, headers["connection"]) == (400, "close"), framing
            assert link.is_closed()


@pytest.mark.parametrize("one_worker", ["plain"], indirect=True)
def test_a_content_type_that_python_cannot_read_is_refused_as_any_other(cast: Cast, link: Link) -> None:
    for parameters in ("x*=a; x*0=b", "charset*=%00''utf-8"):
        asking = request(cast.basic("billing")).replace(FORM.encode(), f"{FORM}; {parameters}".encode())
        link.send(asking)
        status, _, body = link.answer()
        assert (status, json.loads(body).get("error")) in ((200, None), (415, "invalid_request")), parameters


@pytest.mark.parametrize("one_worker", ["plain"], indirect=True)
def test_a_length_with_many_zeros_is_a_length(cast: Cast, link: Link) -> None:
    """RFC 9110 section 8.6. Half of the body comes later, and looks like a request of its own."""
    whole = request(cast.basic("billing"), body=b"scope=none&x=" + request(cast.basic("billing")))
    head = whole.replace(b"Content-Length: ", b"Content-Length: " + b"0" * 25, 1)
    at = head.index(b"\r\n\r\n") + 4
    link.send(head[:at])
    link.send(head[at:], request(cast.basic("billing")))
    assert [link.answer()[0] for _ in range(2)] == [http.HTTPStatus.BAD_REQUEST, http.HTTPStatus.OK]


@pytest.mark.parametrize("one_worker", ["plain"], indirect=True)
def test_thousands_of_requests_leave_no_file_open_and_no_memory_taken(cast: Cast, one_worker: Server) -> None:
    (worker,) = one_worker.workers()
    asking = request(cast.basic("billing"))

    def ask(times: int) -> None:
        for _ in range(10):
            with ExitStack() as opened:
                link = Link(one_worker, opened)
                for _ in range(times // 10):
                    link.send(asking)
                    assert link.answer()[0] == http.HTTPStatus.OK

    ask(1_000)
    files, memory = open_files(worker), resident(worker)
    ask(3_000)
    with closing(socket.create_connection(("127.0.0.1", one_worker.port))):
        assert open_files(worker) <= files + 2
    assert resident(worker) < memory + 4 * 1024 * 1024


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def resident(pid: int) -> int:
    """Bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
