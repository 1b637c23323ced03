"""P3.8: whoever cannot prove a client learns nothing about it, neither from the answer nor from the clock."""

import random
import statistics
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone
from pytest_django import Settings

from relying_parties import client_secrets
from relying_parties.secrets.credentials import add_generated_secret, revoke_secret
from tests.support.cast import Cast
from tests.support.wire import Answer, ask, assert_refused, basic

ROUNDS = 84
"""Of twelve requests each: 1,000 in all."""


@pytest.fixture
def failures(cast: Cast) -> dict[str, Callable[[], Answer]]:
    now = timezone.now()
    _, expired = add_generated_secret(relying_party=cast.billing, expires_at=now - timedelta(seconds=1))
    gone, revoked = add_generated_secret(relying_party=cast.billing)
    revoke_secret(gone, now=now)
    credentials = {
        "unknown client": ("nobody", cast.secrets["billing"]),
        "client of another issuer": ("stranger", cast.secrets["stranger"]),
        "wrong secret": ("billing", cast.secrets["billing"][:-1] + "!"),
        "disabled client": ("retired", cast.secrets["retired"]),
        "expired secret": ("billing", expired),
        "revoked secret": ("billing", revoked),
    }
    return {reason: partial(ask, auth=basic(*pair)) for reason, pair in credentials.items()}


@pytest.mark.contract("P3.8")
@pytest.mark.spec("RFC 6749", "5.2")
def test_the_answers_are_byte_identical_and_the_rows_are_not(
    cast: Cast, failures: dict[str, Callable[[], Answer]]
) -> None:
    answers, details = [], set()
    for fail in failures.values():
        answers.append(fail())
        details.add(assert_refused(answers[-1], 401, "invalid_client").detail)
    assert all(answer.without_its_own == answers[0].without_its_own for answer in answers)
    assert len(details) > 1, "the operator is not told which it was"


@pytest.mark.contract("P3.8")
def test_the_secret_of_a_client_that_is_not_there_is_digested_too(
    cast: Cast, failures: dict[str, Callable[[], Answer]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A digest takes too little of a request for the clock of a busy machine."""
    digested: list[str] = []
    digest_of = client_secrets.digest_of

    def noted(text: str, *, client_id: str, issuer_id: int) -> str:
        digested.append(client_id)
        return digest_of(text, client_id=client_id, issuer_id=issuer_id)

    monkeypatch.setattr(client_secrets, "digest_of", noted)
    failures["unknown client"]()
    assert digested == ["nobody"]


@pytest.mark.slow
@pytest.mark.contract("P3.8")
def test_the_answers_take_the_same_time(
    cast: Cast, failures: dict[str, Callable[[], Answer]], settings: Settings
) -> None:
    # Each failure is counted, and none is one too many.
    settings.AUTH_FAILURES_PER_MINUTE = 1_000_000
    # A difference of the server is there every time, one of a busy machine is not.
    assert any(is_even(failures) for _ in range(5))


def is_even(failures: dict[str, Callable[[], Answer]]) -> bool:
    """Whether the reasons' medians differ by less than 1 ms, or by no more than those of one and the same request."""
    same = {f"again {number}": failures["wrong secret"] for number in range(len(failures))}
    medians = interleaved(failures | same)
    return spread(medians[name] for name in failures) < max(0.001, 2 * spread(medians[name] for name in same))


def interleaved(requests: dict[str, Callable[[], Answer]]) -> dict[str, float]:
    """The median time of each request, in seconds."""
    spent: dict[str, list[float]] = {name: [] for name in requests}
    for _ in range(ROUNDS):
        for name in random.sample(list(requests), k=len(requests)):
            started = time.perf_counter()
            requests[name]()
            spent[name].append(time.perf_counter() - started)
    return {name: statistics.median(seconds) for name, seconds in spent.items()}


def spread(medians: Iterable[float]) -> float:
    ordered = sorted(medians)
    return ordered[-1] - ordered[0]
