"""What was used once is forgotten when it would be refused for its age, and not before."""

import time
from datetime import UTC, datetime

import pytest
from django.utils import timezone

from issuance.models import UsedJti
from tests.support.cast import Cast
from tests.support.proofs import proof
from tests.support.wire import ask, assert_refused
from upkeep.maintenance import maintain


@pytest.fixture
def made() -> int:
    """The `iat` of the proof."""
    return int(time.time())


@pytest.fixture
def used(cast: Cast, made: int) -> str:
    """A proof with which billing got a token."""
    cast.oidc_m2m.accepts_dpop = True
    cast.oidc_m2m.save()
    sent = proof({"iat": made})
    assert ask(auth=cast.basic("billing"), headers=[("DPoP", sent)]).status == 200
    return sent


def forgotten_at(seconds: int) -> int:
    return maintain(datetime.fromtimestamp(seconds, tz=UTC)).forgotten_uses


@pytest.mark.contract("P8.3")
def test_a_proof_that_would_be_accepted_is_not_forgotten(cast: Cast, used: str) -> None:
    assert maintain(timezone.now()).forgotten_uses == 0
    assert_refused(ask(auth=cast.basic("billing"), headers=[("DPoP", used)]), 400, "invalid_dpop_proof")


@pytest.mark.contract("P8.3")
def test_it_is_kept_for_as_long_as_a_clock_behind_this_one_accepts_it(made: int, used: str) -> None:
    assert forgotten_at(made + 359) == 0
    assert forgotten_at(made + 361) == 1
    assert not UsedJti.objects.exists()
    assert forgotten_at(made + 361) == 0
