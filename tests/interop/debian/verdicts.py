"""What a server that guards an API over HTTP answers to each token."""

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TypeVar

import requests

from relying_parties.models import ResourceServer
from relying_parties.secrets.credentials import add_generated_secret
from tests.interop.conftest import Provider
from tests.interop.tokens import Tokens
from tests.support.cast import Cast, new_grant, new_relying_party

SECONDS_TO_SEE_A_CHANGE = 20
SECONDS_OF_A_SHORT_LIFE = 5
VERDICTS = {"none": 401, "good": 200, "elsewhere": 401, "changed": 401, "plain": 200}
"""The status of a request without a token, and with each."""
Answer = TypeVar("Answer")


def answers(port: int, tokens: Tokens) -> dict[str, int]:
    """As VERDICTS."""
    shown = {"none": None, **asdict(tokens)}
    return {name: status_of(port, token) for name, token in shown.items()}


def status_of(port: int, token: str | None) -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.get(f"http://127.0.0.1:{port}/", headers=headers, timeout=10).status_code


def status_after_its_end(port: int, provider: Provider, cast: Cast) -> int:
    """Of a token that was let in before."""
    token = short_lived(provider, cast, cast.invoices, "invoices.read")
    assert status_of(port, token) == 200
    return awaited(lambda: status_of(port, token), lambda status: status != 200)


def short_lived(provider: Provider, cast: Cast, server: ResourceServer, scope: str) -> str:
    """A token for this API alone that ends soon."""
    brief = new_relying_party(cast.oidc_m2m, "brief", ttl=SECONDS_OF_A_SHORT_LIFE)
    new_grant(brief, server, [scope], is_default=True)
    answer = provider.server.token(("brief", add_generated_secret(relying_party=brief)[1]))
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


def awaited(ask: Callable[[], Answer], is_it: Callable[[Answer], bool]) -> Answer:
    """The first such answer."""
    deadline = time.monotonic() + SECONDS_TO_SEE_A_CHANGE
    while not is_it(answer := ask()):
        assert time.monotonic() < deadline, f"Still {answer!r} after {SECONDS_TO_SEE_A_CHANGE} s."
        time.sleep(0.2)
    return answer
