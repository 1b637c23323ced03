"""keys/schedule.py: the state of a key at every instant, and which one signs."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from keys.schedule import KeyState, published, signing_key, state_of

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Key:
    name: str = "key"
    alg: str = "RS256"
    activates_at: datetime = NOW
    retires_at: datetime | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


LONE = Key()
FOLLOWED = Key(retires_at=NOW + 90 * DAY, expires_at=NOW + 92 * DAY)
FIRST = Key("first", retires_at=NOW + 90 * DAY, expires_at=NOW + 92 * DAY)
SECOND = Key("second", activates_at=NOW + 90 * DAY)


@pytest.mark.parametrize(
    ("instant", "state"),
    [
        (NOW - 1000 * DAY, KeyState.ANNOUNCED),
        (NOW - TICK, KeyState.ANNOUNCED),
        (NOW, KeyState.ACTIVE),
        (NOW + 90 * DAY - TICK, KeyState.ACTIVE),
        (NOW + 90 * DAY, KeyState.RETIRING),
        (NOW + 92 * DAY - TICK, KeyState.RETIRING),
        (NOW + 92 * DAY, KeyState.EXPIRED),
        (NOW + 9000 * DAY, KeyState.EXPIRED),
    ],
)
def test_the_clock_alone_moves_a_key_on(instant: datetime, state: KeyState) -> None:
    assert state_of(FOLLOWED, instant) == state


def test_a_key_without_a_successor_goes_on_signing() -> None:
    assert state_of(LONE, NOW + 9000 * DAY) == KeyState.ACTIVE
    assert signing_key([LONE], alg="RS256", now=NOW + 9000 * DAY) == LONE


@pytest.mark.parametrize("instant", [NOW - DAY, NOW, NOW + 91 * DAY, NOW + 100 * DAY])
@pytest.mark.parametrize("revoked_at", [NOW - DAY, NOW + DAY, NOW + 1000 * DAY])
def test_revoked_stays_revoked_whatever_the_clock_says(instant: datetime, revoked_at: datetime) -> None:
    revoked = Key(revoked_at=revoked_at)
    assert state_of(revoked, instant) == KeyState.REVOKED
    assert published([revoked], instant) == []
    assert signing_key([revoked], alg="RS256", now=instant) is None


@pytest.mark.parametrize(
    ("instant", "shown"),
    [
        (NOW - DAY, ["first", "second"]),
        (NOW, ["first", "second"]),
        (NOW + 92 * DAY - TICK, ["first", "second"]),
        (NOW + 92 * DAY, ["second"]),
    ],
)
def test_a_key_is_published_until_it_expires(instant: datetime, shown: list[str]) -> None:
    assert [key.name for key in published([FIRST, SECOND], instant)] == shown


@pytest.mark.parametrize(
    ("instant", "name"),
    [
        (NOW, "first"),
        (NOW + 90 * DAY - TICK, "first"),
        (NOW + 90 * DAY, "second"),
        (NOW + 92 * DAY, "second"),
        (NOW + 9000 * DAY, "second"),
    ],
)
@pytest.mark.parametrize("keys", [(FIRST, SECOND), (SECOND, FIRST)])
def test_the_successor_signs_from_its_instant_on(keys: tuple[Key, ...], instant: datetime, name: str) -> None:
    signs = signing_key(keys, alg="RS256", now=instant)
    assert signs is not None
    assert signs.name == name
    assert signs in published(keys, instant)


def test_at_every_instant_exactly_one_of_a_chain_is_active() -> None:
    for hours in range(0, 24 * 100, 7):
        instant = NOW + timedelta(hours=hours)
        active = [key for key in (FIRST, SECOND) if state_of(key, instant) == KeyState.ACTIVE]
        assert active == [signing_key([FIRST, SECOND], alg="RS256", now=instant)]


def test_a_clock_set_back_before_every_activation_finds_the_key_that_signed_then() -> None:
    assert signing_key([SECOND, FIRST], alg="RS256", now=NOW - 400 * DAY) == FIRST


def test_a_clock_set_back_by_hours_finds_the_predecessor_again() -> None:
    assert signing_key([FIRST, SECOND], alg="RS256", now=NOW + 90 * DAY - 3 * TICK) == FIRST


@pytest.mark.parametrize("instant", [NOW + 90 * DAY, NOW + 91 * DAY, NOW + 92 * DAY, NOW + 1000 * DAY])
def test_a_retired_key_never_signs_again(instant: datetime) -> None:
    revoked = Key("second", activates_at=NOW + 90 * DAY, revoked_at=NOW + 90 * DAY)
    assert signing_key([FIRST, revoked], alg="RS256", now=instant) is None


def test_a_key_signs_for_its_own_algorithm_only() -> None:
    other = Key("other", alg="ES256", activates_at=NOW + DAY)
    assert signing_key([LONE, other], alg="ES256", now=NOW + 2 * DAY) == other
    assert signing_key([LONE, other], alg="RS256", now=NOW + 2 * DAY) == LONE
    assert signing_key([LONE, other], alg="PS256", now=NOW) is None
    assert signing_key([], alg="RS256", now=NOW) is None


def test_of_two_active_keys_the_newest_signs() -> None:
    newer = Key("newer", activates_at=NOW + TICK)
    assert signing_key([newer, LONE], alg="RS256", now=NOW + DAY) == newer
    assert signing_key([newer, LONE], alg="RS256", now=NOW) == LONE
