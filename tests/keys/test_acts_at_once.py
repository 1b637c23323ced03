"""Acts on the same keys at the same moment: one after another, and none shuts the other out."""

from collections.abc import Callable
from contextlib import suppress

from django.core.exceptions import ValidationError
from django.utils import timezone

from issuers.models import Issuer
from keys.generation import generate_private_key
from keys.importing.adoption import adopt
from keys.importing.key_files import ForeignKey
from keys.lifecycle.revocation import revoke
from keys.lifecycle.rotation import activate_without_waiting, announce_successor
from keys.lifecycle.wiping import KEPT_AFTER_EXPIRY, wipe_expired_private_keys
from keys.models import SigningKey
from keys.schedule import KeyState
from tests.support.at_once import all_at_once
from tests.support.cast import Cast

ROUNDS = 5


def test_a_successor_is_activated_while_its_predecessor_is_revoked(cast: Cast) -> None:
    key = cast.other_key
    for _ in range(ROUNDS):
        successor = announce_successor(key, now=timezone.now())
        assert successor is not None
        all_at_once(activating(successor), revoking(key))
        assert [SigningKey.objects.get(pk=each.pk).state() for each in (key, successor)] == [
            KeyState.REVOKED,
            KeyState.ACTIVE,
        ]
        key = successor


def test_of_many_who_wipe_a_key_at_once_one_does(cast: Cast) -> None:
    long_ago = timezone.now() - KEPT_AFTER_EXPIRY
    SigningKey.objects.filter(pk=cast.other_key.pk).update(revoked_at=long_ago)
    before = cast.other_key.history.count()
    wiped = all_at_once(*[lambda: wipe_expired_private_keys(now=timezone.now())] * 4)
    assert [key.kid for keys in wiped for key in keys] == [cast.other_key.kid]
    assert cast.other_key.history.count() == before + 1


def test_of_two_keys_imported_under_one_kid_at_once_one_is_refused(cast: Cast) -> None:
    refused = all_at_once(importing(cast.oidc_m2m, "ES256"), importing(cast.oidc_m2m, "ES384"))
    assert sorted(refused) == [False, True]
    assert SigningKey.objects.filter(issuer=cast.oidc_m2m, kid="as-published").count() == 1


def test_of_two_issuers_that_import_one_key_at_once_one_is_refused(cast: Cast) -> None:
    for _ in range(ROUNDS):
        SigningKey.objects.filter(alg="ES384").delete()
        foreign = ForeignKey(private_key=generate_private_key("ES384"), chain=())
        issuers = (cast.oidc_m2m, cast.other)
        refused = all_at_once(*[importing(issuer, "ES384", foreign) for issuer in issuers])
        assert sorted(refused) == [False, True]
        assert SigningKey.objects.filter(alg="ES384").count() == 1


def importing(issuer: Issuer, alg: str, foreign: ForeignKey | None = None) -> Callable[[], bool]:
    """Whether it was refused."""
    taken = foreign or ForeignKey(private_key=generate_private_key(alg), chain=())

    def take() -> bool:
        try:
            adopt(taken, issuer=issuer, alg=alg, kid="as-published", now=timezone.now())
        except ValidationError:
            return True
        return False

    return take


def activating(key: SigningKey) -> Callable[[], None]:
    def activate() -> None:
        # One whose predecessor was revoked a moment before signs already.
        with suppress(ValidationError):
            activate_without_waiting(key, now=timezone.now())

    return activate


def revoking(key: SigningKey) -> Callable[[], SigningKey | None]:
    return lambda: revoke(key, now=timezone.now())
