"""What was used once is forgotten when it would be refused for its age, and not before."""

import time
from datetime import UTC, datetime

import pytest
from django.utils import timezone

from issuance.models import UsedJti
from tests.cast import Cast
from tests.proofs import proof
from tests.wire import ask, assert_refused
from upkeep.maintenance import maintain

MADE = int(time.time())


@pytest.fixture
def used(cast: Cast) -> str:
    """A proof with which billing got a token."""
    cast.oidc_m2m.accepts_dpop = True
    cast.oidc_m2m.save()
    sent = proof({"iat": MADE})
    assert ask(auth=cast.basic("billing"), headers=[("DPoP", sent)]).status == 200
    return sent


def forgotten(*, seconds_old: int) -> int:
    return maintain(datetime.fromtimestamp(MADE + seconds_old, tz=UTC)).forgotten_uses


@pytest.mark.contract("P8.3")
def test_a_proof_that_would_be_accepted_is_not_forgotten(cast: Cast, used: str) -> None:
    assert maintain(timezone.now()).forgotten_uses == 0
    assert_refused(ask(auth=cast.basic("billing"), headers=[("DPoP", used)]), 400, "invalid_dpop_proof")


@pytest.mark.contract("P8.3")
def test_it_is_kept_for_as_long_as_a_clock_behind_this_one_accepts_it(cast: Cast, used: str) -> None:
    assert forgotten(seconds_old=359) == 0
    assert forgotten(seconds_old=361) == 1
    assert not UsedJti.objects.exists()
    assert forgotten(seconds_old=361) == 0
