"""m2m_idp/worker: connections that are open in thousands keep nobody out."""

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.support.authority import Authority, Issued
from tests.support.cast import Cast
from tests.support.server import Server, Tls, connected, serve
from tests.support.wire import FORM

IDLE = 5000
HALF_SENT = 200
FILES = IDLE + HALF_SENT + 500
FEW_PLACES = 300
A_SECOND = 1
TRIES = 5
HALVES = [b"G", b"POST /oidc_m2m/token HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\ngrant_type"]

pytestmark = pytest.mark.slow


@pytest.fixture
def many_files() -> Iterator[None]:
    """This process, too, may hold so many connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, FILES), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """What it holds is closed after the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture(params=["plain", "TLS"])
def tls(request: pytest.FixtureRequest, authority: Authority, server_pair: Issued) -> Tls | None:
    own = Tls(server_pair.certificate, server_pair.key, ca=authority.own.certificate)
    return own if request.param == "TLS" else None


def idle(server: Server, opened: ExitStack) -> socket.socket:
    return opened.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))


def half_sent(server: Server, opened: ExitStack, half: bytes) -> socket.socket:
    link = idle(server, opened)
    if server.tls and len(half) > 1:
        link = opened.enter_context(server.tls.trust.wrap_socket(link, server_hostname="127.0.0.1"))
    link.sendall(half)
    return link


def answered(server: Server, cast: Cast, path: str) -> tuple[int, float]:
    """To a new client: the status, and after how many seconds."""
    began = time.monotonic()
    with closing(connected(server.port, server.tls, timeout=30)) as link:
        if path.endswith("/token"):
            headers = {"Authorization": cast.basic("billing"), "Content-Type": FORM}
            link.request("POST", path, b"grant_type=client_credentials", headers)
        else:
            link.request("GET", path)
        return link.getresponse().status, time.monotonic() - began


def assert_served_soon(server: Server, cast: Cast) -> None:
    """The quickest of some tries counts: the machine may be busy, an attack that works slows each."""
    for path in ("/livez", "/oidc_m2m/jwks", "/oidc_m2m/token"):
        tries = [answered(server, cast, path) for _ in range(TRIES)]
        assert [status for status, _ in tries] == TRIES * [200]
        assert min(seconds for _, seconds in tries) < A_SECOND


def wait_until_it_says(server: Server, words: str) -> None:
    deadline = time.monotonic() + 10
    while words not in server.log.read_text():
        assert time.monotonic() < deadline, server.log.read_text()
        time.sleep(0.05)


@pytest.mark.contract("P1.7")
def test_thousands_that_are_idle_and_hundreds_that_are_half_sent_keep_nobody_waiting(
    cast: Cast, tls: Tls | None, tmp_path: Path, opened: ExitStack, many_files: None
) -> None:
    with serve(tmp_path, 1, tls=tls) as server:
        links = [idle(server, opened) for _ in range(IDLE)]
        links += [half_sent(server, opened, HALVES[number % 2]) for number in range(HALF_SENT)]
        assert_served_soon(server, cast)
        assert len(links) == IDLE + HALF_SENT
    assert "Traceback" not in server.log.read_text()


@pytest.mark.contract("P1.7")
def test_where_places_run_out_those_that_were_silent_longest_give_theirs(
    cast: Cast, tls: Tls | None, tmp_path: Path, opened: ExitStack
) -> None:
    places = f"{tls.arguments if tls else ''} --worker-connections {FEW_PLACES}"
    with serve(tmp_path, 1, {"GUNICORN_CMD_ARGS": places}, tls=tls) as server:
        kept = opened.enter_context(closing(connected(server.port, server.tls, timeout=10)))
        kept.request("GET", "/livez")
        assert kept.getresponse().read()
        first, own = idle(server, opened), kept.sock
        links = [idle(server, opened) for _ in range(3 * FEW_PLACES)]
        assert_served_soon(server, cast)
        assert first.recv(1) == b""
        links[-1].settimeout(0.1)
        with pytest.raises(TimeoutError):
            links[-1].recv(1)
        kept.request("GET", "/livez")
        assert kept.getresponse().status == 200
        assert kept.sock is own
        wait_until_it_says(server, f"All {FEW_PLACES} connections of a worker were taken")
    assert "Traceback" not in server.log.read_text()


@pytest.mark.contract("P1.7")
@pytest.mark.spec("RFC 9110", "10.1.1")
def test_a_client_that_asks_whether_to_go_on_is_answered_once(
    cast: Cast, server: Server, opened: ExitStack
) -> None:
    head = f"POST /oidc_m2m/token HTTP/1.1\r\nHost: x\r\nAuthorization: {cast.basic('billing')}\r\n"
    head += f"Content-Type: {FORM}\r\nContent-Length: 29\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    link = idle(server, opened)
    link.sendall(head.encode())
    assert link.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
    link.sendall(b"grant_type=client_credentials")
    answer = b"".join(iter(lambda: link.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.contract("P1.7")
def test_a_renewed_certificate_is_taken_without_a_restart(
    cast: Cast, authority: Authority, tmp_path: Path, opened: ExitStack
) -> None:
    first, renewed = (
        authority.issue(name, "subjectAltName=IP:127.0.0.1", "extendedKeyUsage=serverAuth")
        for name in ("first", "renewed")
    )
    tls = Tls(tmp_path / "tls.crt", tmp_path / "tls.key", ca=authority.own.certificate)

    def shown(server: Server) -> bytes | None:
        with tls.trust.wrap_socket(idle(server, opened), server_hostname="127.0.0.1") as link:
            return link.getpeercert(binary_form=True)

    tls.certificate.write_text(first.pem)
    tls.key.write_text(first.key.read_text())
    with serve(tmp_path, 1, tls=tls) as server:
        assert shown(server) == first.der
        tls.certificate.write_text(renewed.pem)
        assert shown(server) == first.der, "the key does not fit it yet"
        tls.key.write_text(renewed.key.read_text())
        assert shown(server) == renewed.der
