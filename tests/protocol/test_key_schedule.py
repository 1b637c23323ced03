"""P5.3: a key is published before it signs, by the clock alone."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from formats.thumbprints import thumbprint
from keys.encryption import encrypt
from keys.generation import generate_private_key, private_bytes, self_signed_certificate
from keys.jwk import public_jwk
from keys.lifecycle.creation import create_first_key
from keys.models import SigningKey
from relying_parties.secrets.credentials import add_generated_secret
from tests.support.cast import Cast, new_grant, new_issuer, new_relying_party, new_resource_server
from tests.support.wire import ask, basic, get


def announce_successor(predecessor: SigningKey, *, now: datetime, activates_at: datetime) -> SigningKey:
    """The rows as a rotation leaves them: the successor announced, the end of its predecessor set."""
    private_key = generate_private_key(predecessor.alg)
    jwk = public_jwk(private_key.public_key())
    key = SigningKey(
        issuer=predecessor.issuer,
        kid=thumbprint(jwk),
        alg=predecessor.alg,
        public_jwk=jwk,
        certificate_chain=self_signed_certificate(private_key, common_name="successor", now=now),
        predecessor=predecessor,
        published_at=now,
        activates_at=activates_at,
    )
    encrypted = encrypt(private_bytes(private_key), identity=key.identity)
    key.encrypted_private_key, key.kek_id = encrypted.ciphertext, encrypted.kek_id
    key.checked().save()
    predecessor.retires_at, predecessor.expires_at = activates_at, activates_at + timedelta(days=2)
    predecessor.save()
    return key


def shown() -> list[str]:
    return [key["kid"] for key in get("/other/jwks").json["keys"]]


def signer(cast: Cast) -> str:
    kid: str = ask(auth=cast.basic("stranger"), target="/other/token").header["kid"]
    return kid


@pytest.mark.contract("P5.3")
def test_a_first_key_is_published_before_it_signs(cast: Cast) -> None:
    issuer = new_issuer("fresh", "Fresh", "ES256")  # type: ignore[arg-type]
    server = new_resource_server(issuer, "api", ["read"])
    relying_party = new_relying_party(issuer, "first")
    new_grant(relying_party, server, ["read"], is_default=True)
    auth = basic("first", add_generated_secret(relying_party=relying_party)[1])
    assert get("/fresh/jwks").json == {"keys": []}
    assert ask(auth=auth, target="/fresh/token").status == 503
    key = create_first_key(issuer=issuer, alg="ES256", now=timezone.now())
    assert key.published_at <= key.activates_at
    assert [shown["kid"] for shown in get("/fresh/jwks").json["keys"]] == [key.kid]
    assert ask(auth=auth, target="/fresh/token").header["kid"] == key.kid


@pytest.mark.contract("P5.3")
def test_an_announced_key_is_published_and_does_not_sign(cast: Cast) -> None:
    now = timezone.now()
    successor = announce_successor(cast.other_key, now=now, activates_at=now + timedelta(days=14))
    assert shown() == [cast.other_key.kid, successor.kid]
    assert signer(cast) == cast.other_key.kid


@pytest.mark.contract("P5.3")
def test_its_instant_makes_the_successor_sign_and_the_old_key_stays_published(cast: Cast) -> None:
    now = timezone.now()
    begun = now - timedelta(days=14)
    SigningKey.objects.filter(pk=cast.other_key.pk).update(published_at=begun, activates_at=begun)
    cast.other_key.refresh_from_db()
    successor = announce_successor(cast.other_key, now=begun, activates_at=now - timedelta(seconds=1))
    assert signer(cast) == successor.kid
    assert shown() == [cast.other_key.kid, successor.kid]


@pytest.mark.contract("P5.3")
def test_an_expired_key_is_shown_no_more(cast: Cast) -> None:
    now = timezone.now()
    begun = now - timedelta(days=20)
    SigningKey.objects.filter(pk=cast.other_key.pk).update(published_at=begun, activates_at=begun)
    cast.other_key.refresh_from_db()
    successor = announce_successor(cast.other_key, now=begun, activates_at=now - timedelta(days=3))
    assert shown() == [successor.kid]


@pytest.mark.contract("P5.3")
def test_a_revoked_key_neither_signs_nor_is_shown(cast: Cast) -> None:
    SigningKey.objects.filter(pk=cast.other_key.pk).update(revoked_at=timezone.now())
    assert shown() == []
    assert ask(auth=cast.basic("stranger"), target="/other/token").status == 503
