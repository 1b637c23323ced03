"""Operators log in while strangers guess: a real server, with passwords as costly as in production."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User

from tests.support.cast import Cast
from tests.support.server import Server, serve, with_static_files

pytestmark = [pytest.mark.slow, pytest.mark.contract("P10.7")]

STRANGERS = 12
PASSWORD = "correct horse battery"
CSRF = "c" * 32
SECONDS = 20
"""For one login beside them, on a host that has other work too."""


@dataclass(slots=True)
class Strangers:
    """They guess, each under ever new names, as fast as they are answered."""

    server: Server
    addresses: list[str]
    answers: list[int] = field(default_factory=list)
    answered: set[int] = field(default_factory=set)
    """Those who have had an answer."""
    is_over: threading.Event = field(default_factory=threading.Event)

    def guess(self, number: int) -> None:
        tried = 0
        while not self.is_over.is_set():
            tried += 1
            name = f"stranger-{number}-{tried}"
            self.answers.append(log_in(self.server, name, "wrong", self.addresses[number]).status_code)
            self.answered.add(number)


@contextmanager
def guessing(server: Server, addresses: list[str]) -> Iterator[Strangers]:
    """In the block each of them has had an answer."""
    strangers = Strangers(server, addresses)
    threads = [threading.Thread(target=strangers.guess, args=[number]) for number in range(len(addresses))]
    for thread in threads:
        thread.start()
    try:
        deadline = time.monotonic() + 60
        while len(strangers.answered) < len(addresses):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield strangers
    finally:
        strangers.is_over.set()
        for thread in threads:
            thread.join()


def log_in(server: Server, name: str, password: str, address: str) -> requests.Response:
    return requests.post(
        f"{server.url}/admin/login/",
        data={"username": name, "password": password, "csrfmiddlewaretoken": CSRF},
        headers={"X-Forwarded-For": address},
        cookies={"csrf": CSRF},
        timeout=60,
        allow_redirects=False,
    )


@pytest.fixture
def server_behind_proxy(cast: Cast, tmp_path: Path) -> Iterator[Server]:
    encoded = PBKDF2PasswordHasher().encode(PASSWORD, "salt-of-the-tests")
    User.objects.create(username="olga", password=encoded, is_staff=True, is_superuser=True)
    with serve(
        tmp_path, 1, environment=with_static_files(tmp_path) | {"TRUSTED_PROXIES": "127.0.0.1"}
    ) as server:
        yield server


@pytest.mark.parametrize(
    "addresses",
    [[f"198.51.100.{number}" for number in range(STRANGERS)], ["198.51.100.1"] * STRANGERS],
    ids=["twelve networks", "one network"],
)
def test_operators_log_in_beside_strangers_who_guess(
    server_behind_proxy: Server, addresses: list[str]
) -> None:
    took = []
    with guessing(server_behind_proxy, addresses) as strangers:
        for _ in range(6):
            began = time.monotonic()
            assert log_in(server_behind_proxy, "olga", PASSWORD, "192.0.2.7").status_code == 302
            took.append(time.monotonic() - began)
    assert max(took) < SECONDS, took
    assert set(strangers.answers) <= {200, 429}
    assert 429 in strangers.answers
