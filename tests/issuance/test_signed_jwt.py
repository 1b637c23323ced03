"""issuance/signed_jwt.py and replay.py: the edges of time, to the second, and what is forgotten."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest

from issuance.models import UsedJti
from issuance.replay import consuming, consuming_unless_replayed, forget_expired, single_use
from issuance.signed_jwt import (
    JwtRefusedError,
    SignedJwt,
    read_jwt,
    refuse_other_audience,
    refuse_other_kind,
    refuse_outside_time,
)
from issuance.wire.errors import InvalidClient
from tests.support.cast import Cast
from tests.support.forging import encoded, written

NOW = datetime(2027, 1, 1, tzinfo=UTC)
CLOCK = NOW.timestamp()


def jwt_of(header: Mapping[str, object] = MappingProxyType({}), /, **claims: object) -> SignedJwt:
    return read_jwt(f"{encoded(written({'alg': 'ES256', **header}))}.{encoded(written(claims))}.")


@pytest.mark.contract("P7.5")
@pytest.mark.spec("RFC 7519", "4.1.4")
@pytest.mark.parametrize("ahead", [0.001, 1, 599, 600, 659.9, 660])
def test_an_end_that_is_near_enough(ahead: float) -> None:
    exp = CLOCK + ahead
    assert refuse_outside_time(jwt_of(exp=exp), longest=600, now=NOW) == exp


@pytest.mark.contract("P7.5")
@pytest.mark.parametrize(
    ("ahead", "why"),
    [
        (0, "It ended 0 seconds ago."),
        (-1, "It ended 1 seconds ago."),
        (-59, "It ended 59 seconds ago."),
        (660.1, "It ends in more than 600 seconds"),
        (661, "It ends in more than 600 seconds"),
    ],
)
def test_an_end_that_is_past_or_too_far(ahead: float, why: str) -> None:
    with pytest.raises(JwtRefusedError, match=why):
        refuse_outside_time(jwt_of(exp=CLOCK + ahead), longest=600, now=NOW)


@pytest.mark.contract("P7.5")
@pytest.mark.spec("RFC 7519", "4.1.5")
@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_a_clock_that_goes_wrong_by_a_minute(claim: str) -> None:
    for seconds in (-10_000_000.0, 0.0, 8.0, 60.0):
        refuse_outside_time(jwt_of(exp=CLOCK + 300, **{claim: CLOCK + seconds}), longest=600, now=NOW)
    for seconds in (60.1, 61.0):
        with pytest.raises(JwtRefusedError, match=f"Its {claim} is ahead"):
            refuse_outside_time(jwt_of(exp=CLOCK + 300, **{claim: CLOCK + seconds}), longest=600, now=NOW)


@pytest.mark.contract("P7.5")
def test_the_calendar_ends_with_the_year_9999() -> None:
    assert jwt_of(exp=253_402_300_799).instant("exp") == 253_402_300_799
    assert jwt_of(exp=-253_402_300_799).instant("exp") == -253_402_300_799
    for beyond in (253_402_300_799.5, 253_402_300_800, -253_402_300_800, 10**400):
        with pytest.raises(JwtRefusedError, match="beyond the calendar"):
            jwt_of(exp=beyond).instant("exp")
    assert jwt_of().instant("exp") is None


@pytest.mark.contract("P7.3")
@pytest.mark.spec("RFC 8725", "3.11")
def test_a_typ_that_must_be_there_may_not_be_missing() -> None:
    needed = frozenset({"dpop+jwt"})
    for typ in ("dpop+jwt", "DPoP+JWT", "application/dpop+jwt"):
        refuse_other_kind(jwt_of({"typ": typ}), typ=needed)
    with pytest.raises(JwtRefusedError, match="typ is missing"):
        refuse_other_kind(jwt_of(), typ=needed)
    for other in ("", None, "application/", "JWT"):
        with pytest.raises(JwtRefusedError, match="typ is missing"):
            refuse_other_kind(jwt_of({"typ": other}), typ=needed | {""})


@pytest.mark.contract("P7.4")
def test_one_of_the_allowed_audiences_is_enough() -> None:
    for aud in ("a", "b", ["b"]):
        refuse_other_audience(jwt_of(aud=aud), allowed=("a", "b"))
    for aud in (["a", "b"], "ab", "", []):
        with pytest.raises(JwtRefusedError, match="Its aud must be a or b and nothing else"):
            refuse_other_audience(jwt_of(aud=aud), allowed=("a", "b"))


@pytest.mark.contract("P10.2")
def test_nobody_reads_an_assertion_in_a_repr() -> None:
    """Neither its signature, nor what was signed: with the claims alone nobody proves anything."""
    token = read_jwt(f"{encoded(written({'alg': 'ES256'}))}.{encoded(written({'x': 1}))}.c2lnbmF0dXJl")
    assert "signature" not in repr(token)
    assert "eyJ" not in repr(token)


@pytest.mark.contract("P7.6")
def test_a_use_is_refused_the_second_time_and_used_up_without_a_word(cast: Cast) -> None:
    use = single_use(holder="client:1", jti="a", exp=CLOCK, refusal=InvalidClient("again"))
    write, write_up = consuming((use,)), consuming_unless_replayed((use,))
    assert write
    assert write_up
    write()
    with pytest.raises(InvalidClient, match="again"):
        write()
    write_up()
    assert UsedJti.objects.get().expires_at == NOW + timedelta(seconds=60)
    assert consuming(()) is None
    assert consuming_unless_replayed(()) is None


@pytest.mark.contract("P7.6")
def test_what_would_be_refused_for_its_age_is_forgotten(cast: Cast) -> None:
    for jti, exp in (("past", CLOCK - 61), ("just", CLOCK - 60), ("alive", CLOCK + 1)):
        write = consuming((single_use(holder="client:1", jti=jti, exp=exp, refusal=InvalidClient("again")),))
        assert write
        write()
    assert forget_expired(NOW) == 1
    assert UsedJti.objects.count() == 2
