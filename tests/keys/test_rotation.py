"""The acts of key rotation: who succeeds whom, and when each signs."""

from datetime import datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from keys.lifecycle.due import is_overdue, newest_keys, rotates_at, successor_is_due
from keys.lifecycle.revocation import revoke
from keys.lifecycle.rotation import activate_without_waiting, announce_successor
from keys.lifecycle.wiping import KEPT_AFTER_EXPIRY, wipe_expired_private_keys
from keys.models import SigningKey
from keys.schedule import KeyState
from tests.support.cast import Cast
from upkeep.maintenance import maintain

SECOND = timedelta(seconds=1)


def fresh(key: SigningKey) -> SigningKey:
    return SigningKey.objects.select_related("issuer", "predecessor").get(pk=key.pk)


def announced(key: SigningKey, now: datetime, *, on_schedule: bool = False) -> SigningKey:
    successor = announce_successor(key, now=now, on_schedule=on_schedule)
    assert successor is not None
    return successor


def announce_period(cast: Cast) -> timedelta:
    return timedelta(seconds=cast.oidc_m2m.announce_period)


def retire_period(cast: Cast) -> timedelta:
    return timedelta(seconds=cast.oidc_m2m.retire_period)


def test_a_successor_is_due_an_announce_period_before_the_rotation(cast: Cast) -> None:
    due = rotates_at(cast.key) - announce_period(cast)
    assert not successor_is_due(cast.key, now=due - SECOND)
    assert successor_is_due(cast.key, now=due)


def test_a_successor_on_schedule_takes_over_when_the_rotation_period_ends(cast: Cast) -> None:
    now = rotates_at(cast.key) - announce_period(cast)
    successor = announced(cast.key, now, on_schedule=True)
    key = fresh(cast.key)
    assert (successor.published_at, successor.activates_at) == (now, rotates_at(cast.key))
    assert (key.retires_at, key.expires_at) == (
        successor.activates_at,
        successor.activates_at + retire_period(cast),
    )


def test_a_late_successor_is_announced_for_its_whole_period(cast: Cast) -> None:
    now = rotates_at(cast.key) + timedelta(days=3)
    assert is_overdue(cast.key, now=now)
    assert announced(cast.key, now, on_schedule=True).activates_at == now + announce_period(cast)


def test_rotating_now_respects_the_announce_period(cast: Cast) -> None:
    now = timezone.now()
    assert announced(cast.key, now).activates_at == now + announce_period(cast)


def test_old_copies_of_the_jwks_delay_a_successor(cast: Cast) -> None:
    now = timezone.now()
    cast.oidc_m2m.old_copies_until = now + timedelta(days=20)
    cast.oidc_m2m.save()
    assert announced(fresh(cast.key), now).activates_at == now + timedelta(days=20)


def test_lowering_the_age_of_copies_is_remembered(cast: Cast) -> None:
    issuer = cast.oidc_m2m
    old_age, issuer.jwks_max_age = issuer.jwks_max_age, 5
    issuer.checked().save()
    assert issuer.old_copies_until is not None
    assert abs(issuer.old_copies_until - timezone.now() - timedelta(seconds=old_age)) < timedelta(seconds=30)


def test_a_key_has_one_successor(cast: Cast) -> None:
    now = timezone.now()
    announced(cast.key, now)
    assert announce_successor(cast.key, now=now) is None


def test_activating_without_waiting_retires_the_predecessor_now(cast: Cast) -> None:
    now = timezone.now()
    successor = announced(cast.key, now)
    activate_without_waiting(successor, now=now + SECOND)
    assert fresh(successor).state(now + SECOND) == KeyState.ACTIVE
    assert fresh(cast.key).state(now + SECOND) == KeyState.RETIRING


def test_only_an_announced_key_can_be_activated(cast: Cast) -> None:
    with pytest.raises(ValidationError, match="only an announced key"):
        activate_without_waiting(cast.key, now=timezone.now())


def test_revoking_the_only_key_lets_a_new_one_sign_at_once(cast: Cast) -> None:
    now = timezone.now()
    replacement = revoke(cast.key, now=now)
    assert replacement is not None
    assert (replacement.published_at, replacement.activates_at) == (now, now)
    assert fresh(cast.key).state(now) == KeyState.REVOKED


def test_revoking_the_active_key_activates_its_announced_successor(cast: Cast) -> None:
    now = timezone.now()
    successor = announced(cast.key, now)
    assert revoke(cast.key, now=now + SECOND) is None
    assert fresh(successor).state(now + SECOND) == KeyState.ACTIVE


def test_revoking_an_announced_key_announces_another(cast: Cast) -> None:
    now = timezone.now()
    successor = announced(cast.key, now)
    replacement = revoke(successor, now=now + timedelta(days=1))
    assert replacement is not None
    assert replacement.activates_at == now + timedelta(days=1) + announce_period(cast)
    assert fresh(cast.key).retires_at == replacement.activates_at


def test_each_key_in_the_place_of_a_revoked_one_is_announced_for_its_whole_period(cast: Cast) -> None:
    now = timezone.now()
    replacement = revoke(announced(cast.key, now), now=now + SECOND)
    assert replacement is not None
    last = revoke(replacement, now=replacement.activates_at - SECOND)
    assert last is not None
    assert last.activates_at == replacement.activates_at - SECOND + announce_period(cast)
    key = fresh(cast.key)
    assert key.state(last.activates_at - SECOND) == KeyState.ACTIVE
    assert (key.retires_at, key.expires_at) == (last.activates_at, last.activates_at + retire_period(cast))


def test_revoking_the_active_key_activates_what_was_announced_in_the_place_of_a_revoked_one(
    cast: Cast,
) -> None:
    now = timezone.now()
    replacement = revoke(announced(cast.key, now), now=now)
    assert replacement is not None
    assert revoke(cast.key, now=now + SECOND) is None
    assert fresh(replacement).state(now + SECOND) == KeyState.ACTIVE


def test_a_key_that_began_to_sign_meanwhile_is_replaced_at_once(cast: Cast) -> None:
    now = timezone.now()
    announced_before = announced(cast.key, now)
    revoke(cast.key, now=now)
    replacement = revoke(announced_before, now=now + SECOND)
    assert replacement is not None
    assert replacement.activates_at == now + SECOND


def test_activating_what_was_announced_in_the_place_of_a_revoked_key_retires_the_active_one(
    cast: Cast,
) -> None:
    now = timezone.now()
    replacement = revoke(announced(cast.key, now), now=now)
    assert replacement is not None
    activate_without_waiting(replacement, now=now + SECOND)
    assert fresh(cast.key).state(now + SECOND) == KeyState.RETIRING


def test_a_key_that_retired_is_not_brought_back_by_the_end_of_the_one_behind_it(cast: Cast) -> None:
    now = timezone.now()
    second = announced(cast.key, now)
    activate_without_waiting(second, now=now)
    before = fresh(cast.key).expires_at
    third = announced(fresh(second), now + SECOND)
    revoke(second, now=now + 2 * SECOND)
    assert fresh(third).state(now + 2 * SECOND) == KeyState.ACTIVE
    assert fresh(cast.key).expires_at == before


def test_revoking_a_retiring_key_changes_no_other(cast: Cast) -> None:
    now = timezone.now()
    successor = announced(cast.key, now)
    activate_without_waiting(successor, now=now)
    before = fresh(successor).activates_at
    assert revoke(cast.key, now=now + SECOND) is None
    assert fresh(successor).activates_at == before


def test_a_key_is_revoked_once(cast: Cast) -> None:
    revoke(cast.key, now=timezone.now())
    with pytest.raises(ValidationError, match="revoked already"):
        revoke(cast.key, now=timezone.now())


def test_maintain_announces_each_successor_once(cast: Cast) -> None:
    now = rotates_at(cast.key)
    first, second = maintain(now), maintain(now)
    assert len(first.announced_keys) == SigningKey.objects.filter(predecessor__isnull=False).count() == 2
    assert second.announced_keys == ()


def test_maintain_wipes_a_private_half_long_after_its_key_expired(cast: Cast) -> None:
    now = timezone.now()
    activate_without_waiting(announced(cast.key, now), now=now)
    wiped_at = now + retire_period(cast) + KEPT_AFTER_EXPIRY
    assert wipe_expired_private_keys(now=wiped_at - SECOND) == []
    assert [key.kid for key in wipe_expired_private_keys(now=wiped_at)] == [cast.key.kid]
    assert fresh(cast.key).encrypted_private_key is None


def test_the_newest_keys_are_those_without_a_successor(cast: Cast) -> None:
    successor = announced(cast.key, timezone.now())
    assert {key.kid for key in newest_keys()} == {successor.kid, cast.other_key.kid}
