"""Eight processes do the maintenance at the same moment, round after round."""

import random
import time
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from keys.lifecycle.due import newest_keys
from keys.lifecycle.revocation import revoke
from keys.models import SigningKey
from keys.schedule import KeyState
from tests.faults.maintainer import Maintainer, maintainers
from tests.support.cast import Cast

PROCESSES = 8
ROUNDS = 200
REVOCATIONS = 60
HEAD_START = 0.03
"""Seconds in which the orders arrive, so that all begin at once."""


def newest(cast: Cast) -> SigningKey:
    return next(key for key in newest_keys() if key.issuer == cast.other)


def make_due(key: SigningKey) -> SigningKey:
    """Move the key's instants back, as if it had signed for its rotation period."""
    assert key.issuer
    back = key.activates_at - timezone.now() + timedelta(seconds=key.issuer.rotation_period)
    SigningKey.objects.filter(pk=key.pk).update(
        published_at=F("published_at") - back, activates_at=F("activates_at") - back
    )
    return key


def order_all(processes: list[Maintainer]) -> None:
    at = time.monotonic() + HEAD_START
    for process in processes:
        process.order(at=at)


def answers(processes: list[Maintainer]) -> list[str]:
    """The kids of the keys that they announced. None failed."""
    told = [process.answer() for process in processes]
    assert [done and done["failed"] for done in told] == [[]] * len(processes)
    return [kid for done in told if done for kid in done["announced_keys"]]


@pytest.mark.slow
def test_many_at_once_announce_one_successor(cast: Cast) -> None:
    with maintainers(PROCESSES) as processes:
        for _ in range(ROUNDS):
            key = make_due(newest(cast))
            order_all(processes)
            [announced] = answers(processes)
            successor = SigningKey.objects.get(predecessor=key)
            assert (successor.kid, successor.history.count()) == (announced, 1)
            key.refresh_from_db()
            assert key.retires_at == successor.activates_at
    assert SigningKey.objects.filter(issuer=cast.other).count() == ROUNDS + 1


@pytest.mark.slow
def test_a_key_is_revoked_while_many_announce_its_successor(cast: Cast) -> None:
    delay, by_maintain = 0.1, 0
    with maintainers(PROCESSES) as processes:
        for _ in range(REVOCATIONS):
            key = make_due(newest(cast))
            order_all(processes)
            time.sleep(HEAD_START + delay)
            revoke(key, now=timezone.now())
            announced = answers(processes)
            assert SigningKey.objects.get(predecessor=key).state() == KeyState.ACTIVE
            by_maintain += len(announced)
            # Whoever was late is earlier in the next round: most rounds are near the moment when both meet.
            delay *= random.uniform(0.7, 1) if announced else random.uniform(1, 1.4)
    assert REVOCATIONS / 5 < by_maintain < REVOCATIONS * 4 / 5, "one was mostly first: this proves nothing"
