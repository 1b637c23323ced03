"""Keys in a PKCS#11 token, as time goes by: successors are made in the same token, and old ones are destroyed there."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pkcs11 import Attribute

from keys.encryption import KeyUnreadableError
from keys.jwk import public_key
from keys.keyring import KeySnapshot
from keys.lifecycle.due import rotates_at
from keys.lifecycle.revocation import revoke
from keys.lifecycle.rotation import activate_without_waiting, announce_successor
from keys.lifecycle.wiping import KEPT_AFTER_EXPIRY, wipe_expired_private_keys
from keys.models import SigningKey
from keys.pkcs11 import token as pkcs11_token
from keys.pkcs11.objects import destroy_in_token
from keys.pkcs11.uri import Pkcs11Uri
from keys.schedule import KeyState
from keys.signing import check
from tests.keys.issuer_in_token import IssuerInToken, issuer_in_token
from tests.keys.softhsm import SoftHsm, labels, private_keys
from tests.support.at_once import all_at_once
from tests.support.cast import Cast
from tests.support.verifying import verified_twice
from tests.support.wire import ask
from upkeep.maintenance import maintain

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def vault(softhsm: SoftHsm) -> IssuerInToken:
    return issuer_in_token()


def fresh(key: SigningKey) -> SigningKey:
    return SigningKey.objects.select_related("issuer", "predecessor").get(pk=key.pk)


def is_in_token(key: SigningKey) -> bool:
    uri = Pkcs11Uri.parse(key.pkcs11_uri)
    return uri.id in [found[Attribute.ID] for found in private_keys()]


def rotated(vault: IssuerInToken) -> SigningKey:
    """A successor that signs now."""
    successor = announce_successor(vault.key, now=timezone.now())
    assert successor is not None
    activate_without_waiting(successor, now=timezone.now())
    return successor


def test_maintain_makes_the_successor_in_the_same_token(vault: IssuerInToken) -> None:
    done = maintain(rotates_at(vault.key) - timedelta(days=1))
    successor = SigningKey.objects.get(predecessor=vault.key)
    assert successor.kid in done.announced_keys
    assert (successor.encrypted_private_key, is_in_token(successor)) == (None, True)


def test_the_successor_signs_and_the_old_tokens_still_verify(vault: IssuerInToken) -> None:
    old = vault.ask()
    successor = rotated(vault)
    new = vault.ask()
    assert (old.header["kid"], new.header["kid"]) == (vault.key.kid, successor.kid)
    for answer in (old, new):
        verified_twice(answer.json["access_token"], jwks=vault.jwks().body, alg="ES256")


def test_of_two_that_announce_a_successor_the_loser_destroys_what_it_made(vault: IssuerInToken) -> None:
    before = labels()
    made = all_at_once(*[lambda: announce_successor(fresh(vault.key), now=timezone.now())] * 2)
    assert [key is None for key in made].count(True) == 1
    assert len(labels()) == len(before) + 1
    assert is_in_token(SigningKey.objects.get(predecessor=vault.key))


def test_a_token_that_is_away_leaves_the_key_overdue_and_the_other_issuers_served(
    cast: Cast, vault: IssuerInToken, softhsm: SoftHsm
) -> None:
    pkcs11_token.close()
    with softhsm.away():
        done = maintain(rotates_at(vault.key))
        assert vault.key.kid in done.overdue_keys
        assert len(done.announced_keys) == 2
        assert any("The token idp does not work" in failure.reason for failure in done.failed)
        assert ask(auth=cast.basic("billing")).status == 200
    assert len(maintain(rotates_at(vault.key)).announced_keys) == 1


def test_revoking_makes_a_replacement_in_the_token_that_signs_at_once(vault: IssuerInToken) -> None:
    replacement = revoke(vault.key, now=timezone.now())
    assert replacement is not None
    assert vault.ask().header["kid"] == replacement.kid
    assert is_in_token(replacement)
    assert is_in_token(vault.key)


def test_revoking_a_key_with_a_successor_needs_no_token(vault: IssuerInToken, softhsm: SoftHsm) -> None:
    successor = announce_successor(vault.key, now=timezone.now())
    assert successor is not None
    before = labels()
    pkcs11_token.close()
    with softhsm.away():
        assert revoke(vault.key, now=timezone.now()) is None
    assert fresh(successor).state() == KeyState.ACTIVE
    assert labels() == before


def test_a_lost_token_is_left_by_a_command(
    vault: IssuerInToken, softhsm: SoftHsm, capsys: pytest.CaptureFixture[str]
) -> None:
    SigningKey.objects.filter(pk=vault.key.pk).update(kid="as published")
    pkcs11_token.close()
    with softhsm.away():
        with pytest.raises(
            CommandError, match=r"Nothing was revoked.*revoke_key --leave-token vault -- 'as published'$"
        ):
            call_command("revoke_key", "vault", "--", "as published")
        assert fresh(vault.key).revoked_at is None
        call_command("revoke_key", "--leave-token", "vault", "--", "as published")
        kid = capsys.readouterr().out.strip()
        assert vault.ask().header["kid"] == kid
    assert fresh(vault.key).state() == KeyState.REVOKED
    assert SigningKey.objects.get(kid=kid).pkcs11_uri == ""


def test_a_key_is_destroyed_in_the_token_long_after_it_expired(vault: IssuerInToken) -> None:
    uri, successor = Pkcs11Uri.parse(vault.key.pkcs11_uri), rotated(vault)
    expired = fresh(vault.key).expires_at
    assert expired is not None
    late = expired + KEPT_AFTER_EXPIRY
    assert wipe_expired_private_keys(now=late - timedelta(seconds=1)) == []
    assert [key.kid for key in wipe_expired_private_keys(now=late)] == [vault.key.kid]
    wiped = fresh(vault.key)
    assert (wiped.pkcs11_uri, wiped.encrypted_private_key) == ("", None)
    assert uri.id not in [found[Attribute.ID] for found in private_keys()]
    assert is_in_token(successor)
    with pytest.raises(KeyUnreadableError, match="was wiped"):
        check(KeySnapshot.of(wiped))


def test_a_token_that_is_away_is_asked_again_to_destroy_a_key(
    cast: Cast, vault: IssuerInToken, softhsm: SoftHsm
) -> None:
    long_ago = timezone.now() - KEPT_AFTER_EXPIRY
    SigningKey.objects.filter(pk__in=[vault.key.pk, cast.key.pk]).update(revoked_at=long_ago)
    pkcs11_token.close()
    with softhsm.away(), pytest.raises(KeyUnreadableError, match=f"{vault.key.kid} is to be destroyed"):
        wipe_expired_private_keys(now=timezone.now())
    assert fresh(cast.key).encrypted_private_key is None
    assert [key.kid for key in wipe_expired_private_keys(now=timezone.now())] == [vault.key.kid]


def test_a_key_that_is_gone_from_the_token_is_wiped_all_the_same(vault: IssuerInToken) -> None:
    destroy_in_token(Pkcs11Uri.parse(vault.key.pkcs11_uri), public_key(vault.key.public_jwk))
    SigningKey.objects.filter(pk=vault.key.pk).update(revoked_at=timezone.now() - KEPT_AFTER_EXPIRY)
    assert [key.kid for key in wipe_expired_private_keys(now=timezone.now())] == [vault.key.kid]


def test_the_uri_stands_in_history_and_names_no_secret(vault: IssuerInToken) -> None:
    entry = vault.key.history.get()
    assert entry.pkcs11_uri == vault.key.pkcs11_uri
    assert "pin" not in json.dumps(entry.pkcs11_uri).lower()
