"""keys/encryption.py, keys/signing.py: private keys at rest, and what an operator reads when one does not open."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.utils import timezone
from pytest_django import Settings

from issuers.models import SigningAlg
from issuers.versioning import revision
from keys import signing
from keys.encryption import NONCE_BYTES, EncryptedKey, KeyUnreadableError, decrypt, encrypt
from keys.keyring import KeySnapshot, keyrings
from keys.lifecycle.creation import create_first_key
from keys.lifecycle.revocation import revoke
from keys.models import SigningKey
from tests.support.cast import Cast
from tests.support.wire import ask

OLD, NEW = b"o" * 32, b"n" * 32
PRIVATE = b"a private key in DER"
ROW = "token/1/RS256/kid-1"


@pytest.fixture(autouse=True)
def _two_keys(settings: Settings) -> None:
    settings.KEY_ENCRYPTION_KEYS = {"new": NEW, "old": OLD}


@pytest.fixture
def _nothing_parsed() -> Iterator[None]:
    signing._parsed.clear()
    yield
    signing._parsed.clear()


def unreadable(encrypted: EncryptedKey) -> str:
    with pytest.raises(KeyUnreadableError) as caught:
        decrypt(encrypted)
    return str(caught.value)


def test_a_key_comes_back_as_it_went_in() -> None:
    encrypted = encrypt(PRIVATE, identity=ROW)
    assert encrypted.kek_id == "new"
    assert PRIVATE not in encrypted.ciphertext
    assert decrypt(encrypted) == PRIVATE


def test_no_two_encryptions_share_a_nonce() -> None:
    nonces = {encrypt(PRIVATE, identity=ROW).ciphertext[:NONCE_BYTES] for _ in range(100)}
    assert len(nonces) == 100


def test_an_older_key_encryption_key_still_opens(settings: Settings) -> None:
    encrypted = encrypt(PRIVATE, identity=ROW)
    settings.KEY_ENCRYPTION_KEYS = {"newest": b"x" * 32, "new": NEW}
    assert decrypt(encrypted) == PRIVATE


def test_a_missing_key_encryption_key_is_named(settings: Settings) -> None:
    encrypted = encrypt(PRIVATE, identity=ROW)
    settings.KEY_ENCRYPTION_KEYS = {"old": OLD}
    assert unreadable(encrypted) == (
        f"Key {ROW} is encrypted under the key-encryption key 'new', "
        "which KEY_ENCRYPTION_KEYS does not hold. Put it back."
    )


def test_another_key_under_the_same_id_is_reported(settings: Settings) -> None:
    encrypted = encrypt(PRIVATE, identity=ROW)
    settings.KEY_ENCRYPTION_KEYS = {"new": OLD}
    text = unreadable(encrypted)
    assert f"Key {ROW} does not open with the key-encryption key 'new'" in text
    assert "KEY_ENCRYPTION_KEYS holds another key under that id, or the row was changed" in text


@pytest.mark.parametrize("place", [0, NONCE_BYTES - 1, NONCE_BYTES, -17, -16, -1])
def test_one_changed_bit_is_found(place: int) -> None:
    encrypted = encrypt(PRIVATE, identity=ROW)
    tampered = bytearray(encrypted.ciphertext)
    tampered[place] ^= 1
    assert "the row was changed" in unreadable(replace(encrypted, ciphertext=bytes(tampered)))


@pytest.mark.parametrize("length", [0, 1, NONCE_BYTES - 1, NONCE_BYTES, NONCE_BYTES + 15, NONCE_BYTES + 16])
def test_a_row_cut_short_is_found(length: int) -> None:
    encrypted = encrypt(PRIVATE, identity=ROW)
    assert "the row was changed" in unreadable(replace(encrypted, ciphertext=encrypted.ciphertext[:length]))


@pytest.mark.parametrize(
    "other", ["record/-/EdDSA/kid-1", "token/2/RS256/kid-1", "token/1/PS256/kid-1", "token/1/RS256/kid-2"]
)
def test_a_private_key_does_not_open_in_another_row(other: str) -> None:
    assert "the row was changed" in unreadable(replace(encrypt(PRIVATE, identity=ROW), identity=other))


def test_the_identity_of_a_row_is_all_that_it_is_used_by(cast: Cast) -> None:
    key = cast.key
    assert key.identity == f"token/{cast.oidc_m2m.pk}/RS256/{key.kid}"
    assert SigningKey(purpose="record", alg="EdDSA", kid="k").identity == "record/-/EdDSA/k"


@pytest.mark.usefixtures("_nothing_parsed")
def test_a_swapped_row_does_not_sign(cast: Cast, settings: Settings) -> None:
    first = create_first_key(issuer=cast.oidc_m2m, alg=SigningAlg.ES256, now=timezone.now())
    second = create_first_key(issuer=cast.oidc_m2m, alg=SigningAlg.EDDSA, now=timezone.now())
    first.encrypted_private_key = second.encrypted_private_key
    with pytest.raises(KeyUnreadableError, match=first.kid):
        signing.sign({"sub": "x"}, header={}, key=KeySnapshot.of(first))


@pytest.mark.usefixtures("_nothing_parsed")
def test_a_wiped_key_says_so(cast: Cast) -> None:
    key = create_first_key(issuer=cast.oidc_m2m, alg=SigningAlg.ES256, now=timezone.now())
    key.encrypted_private_key = None
    key.checked().save()
    with pytest.raises(KeyUnreadableError, match=rf"The private half of key {key.kid} was wiped"):
        signing.private_key_of(KeySnapshot.of(key))


@pytest.mark.usefixtures("_nothing_parsed")
def test_a_key_is_decrypted_once_in_a_process(cast: Cast, settings: Settings) -> None:
    key = KeySnapshot.of(create_first_key(issuer=cast.oidc_m2m, alg=SigningAlg.ES256, now=timezone.now()))
    private_key = signing.private_key_of(key)
    settings.KEY_ENCRYPTION_KEYS = {}
    assert signing.private_key_of(key) is private_key


@pytest.mark.usefixtures("_nothing_parsed")
def test_a_decrypted_key_leaves_the_process_with_its_snapshot(cast: Cast) -> None:
    key = create_first_key(issuer=cast.oidc_m2m, alg=SigningAlg.ES256, now=timezone.now())
    revision.forget()
    signing.private_key_of(snapshot_of(key))
    assert len(signing._parsed) == 1
    key.encrypted_private_key, key.kek_id = None, ""
    key.save()
    revision.forget()
    assert snapshot_of(key).encrypted is None
    assert len(signing._parsed) == 0


@pytest.mark.usefixtures("_nothing_parsed")
def test_a_revoked_key_leaves_the_process_when_its_issuer_is_next_asked(
    cast: Cast, settings: Settings
) -> None:
    settings.KEY_ENCRYPTION_KEYS |= {cast.key.kek_id: 32 * b"k"}
    revision.forget()
    assert ask(auth=cast.basic("billing")).status == 200
    assert [held.identity for held in signing._parsed] == [cast.key.identity]
    replacement = revoke(cast.key, now=timezone.now())
    assert replacement is not None
    revision.forget()
    assert ask(auth=cast.basic("billing")).status == 200
    assert [held.identity for held in signing._parsed] == [replacement.identity]


def snapshot_of(key: SigningKey) -> KeySnapshot:
    keyring = keyrings.get(key.issuer_id or 0)
    assert keyring is not None
    (snapshot,) = [held for held in keyring.keys if held.id == key.pk]
    return snapshot


@pytest.mark.usefixtures("_nothing_parsed")
def test_a_row_that_was_replaced_is_read_again(cast: Cast) -> None:
    key = create_first_key(issuer=cast.oidc_m2m, alg=SigningAlg.ES256, now=timezone.now())
    snapshot = KeySnapshot.of(key)
    signing.private_key_of(snapshot)
    key.encrypted_private_key = b"changed"
    with pytest.raises(KeyUnreadableError):
        signing.private_key_of(KeySnapshot.of(key))


def test_no_repr_tells_a_private_key(cast: Cast) -> None:
    key = create_first_key(issuer=cast.oidc_m2m, alg=SigningAlg.ES256, now=timezone.now())
    ciphertext = bytes(key.encrypted_private_key or b"")
    for shown in (repr(key), repr(key.encrypted), repr(KeySnapshot.of(key)), repr(keyrings.get(1))):
        assert "ciphertext" not in shown
        assert repr(ciphertext)[2:20] not in shown
