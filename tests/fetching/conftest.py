"""A company's authority, its key server, and what lies on the same host and is nobody's business."""

import ipaddress
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django import Settings

from tests.fetching.certificates import Authority
from tests.fetching.site import Canary, Site, canary, site

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
HOSTS = ("idp.example", "localhost", "127.0.0.1", "127.0.0.2", "::1")

_watches: list[list[Any]] = []


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        for watch in _watches:
            watch.append(arguments[1])


# A hook stays as long as the interpreter: there is one, and it notes only while a test watches.
sys.addaudithook(_note)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.new(tmp_path_factory.mktemp("authority"), "authority")


@pytest.fixture
def trusted(settings: Settings, authority: Authority) -> None:
    settings.FETCH_CA_FILE = str(authority.bundle)
    settings.FETCH_ALLOWED_NETWORKS = LOOPBACK


@pytest.fixture
def server(trusted: None, authority: Authority) -> Iterator[Site]:
    """On loopback, which is allowed here; it answers {} until the test says otherwise."""
    with site(authority.issue(*HOSTS)) as running:
        yield running


@pytest.fixture
def bird() -> Iterator[Canary]:
    with canary() as listening:
        yield listening


@pytest.fixture
def connects() -> Iterator[list[Any]]:
    """The addresses that this process connects to, or tries to."""
    watch: list[Any] = []
    _watches.append(watch)
    yield watch
    _watches.remove(watch)


@pytest.fixture(autouse=True)
def _no_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """No name is asked for outside this host."""
    look_up = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *_: Any, **options: Any) -> list[Any]:
        numeric = 0 if host == "localhost" else socket.AI_NUMERICHOST
        return look_up(host, port, **options, flags=numeric)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """`names(host, answer, ...)`: the name server gives each answer once, in turn. Returns the names looked up."""

    def answers(host: str, *answers: list[str]) -> list[str]:
        looked_up: list[str] = []
        left = list(answers)

        def getaddrinfo(name: str, port: int, *_: Any, **__: Any) -> list[Any]:
            looked_up.append(name)
            assert name == host
            return [
                (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
                if ":" in address
                else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
                for address in left.pop(0)
            ]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return looked_up

    return answers
