"""P3.8: whoever cannot prove a client learns nothing about it, neither from the answer nor from the clock."""

import random
import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from relying_parties.credentials import add_generated_secret, revoke_secret
from tests.cast import Cast
from tests.wire import Answer, ask, assert_refused, basic

ROUNDS = 167
"""Of six requests each: 1,000 in all."""


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
def test_the_answers_take_the_same_time(cast: Cast, failures: dict[str, Callable[[], Answer]]) -> None:
    # A difference of the server is there every time, one of a busy machine is not.
    spreads = (spread_of_medians(failures) for _ in range(5))
    assert any(spread < 0.001 for spread in spreads)


def spread_of_medians(failures: dict[str, Callable[[], Answer]]) -> float:
    """How far apart the reasons' medians are, in seconds."""
    spent: dict[str, list[float]] = {reason: [] for reason in failures}
    for _ in range(ROUNDS):
        for reason in random.sample(list(failures), k=len(failures)):
            started = time.perf_counter()
            failures[reason]()
            spent[reason].append(time.perf_counter() - started)
    medians = [statistics.median(seconds) for seconds in spent.values()]
    return max(medians) - min(medians)
