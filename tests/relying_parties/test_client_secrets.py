"""relying_parties/client_secrets.py, credentials.py: what a secret is, what matches it, how one is made and ended."""

import hmac
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings as django_settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from hypothesis import assume, given
from hypothesis import strategies as st
from pytest_django import Settings

from relying_parties.client_secrets import SecretSnapshot, digest_of, generate, matching
from relying_parties.models import ClientSecret
from relying_parties.secrets.credentials import (
    MAX_CHOSEN_SECRET_LENGTH,
    add_chosen_secret,
    add_generated_secret,
    change_expiry,
    is_text_of,
    revoke_secret,
    secrets_without_pepper,
)
from relying_parties.snapshots import clients
from tests.support.cast import Cast

NOW = datetime(2026, 7, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
TEXT = "secret"
TRIPLES = st.tuples(st.integers(0, 10**6), st.text("ab:1", max_size=6), st.text("ab:1", max_size=6))


def digest(issuer_id: int = 1, client_id: str = "app", secret: str = TEXT, pepper: str = "old") -> str:
    return digest_of(secret, issuer_id=issuer_id, client_id=client_id, pepper_id=pepper)


def registered(
    number: int, text: str, *, chosen: bool = False, expires_at: datetime | None = None
) -> SecretSnapshot:
    return SecretSnapshot(id=number, digest=digest(secret=text), chosen=chosen, expires_at=expires_at)


def match(*secrets: SecretSnapshot, forms: tuple[str, ...], now: datetime = NOW) -> int | None:
    found = matching(secrets, forms=forms, issuer_id=1, client_id="app", now=now)
    return found.id if found else None


@pytest.fixture(autouse=True)
def _two_peppers(settings: Settings) -> None:
    settings.SECRET_PEPPERS = {**django_settings.SECRET_PEPPERS, "new": b"n" * 32, "old": b"o" * 32}


def test_a_generated_secret_has_256_random_bits_after_a_constant_prefix() -> None:
    made = {generate() for _ in range(500)}
    assert len(made) == 500
    assert all(re.fullmatch(r"m2m_[A-Za-z0-9_-]{43}", text) for text in made)


def test_the_digest_is_a_keyed_hash_under_the_named_pepper() -> None:
    pepper_id, _, hexadecimal = digest().partition(":")
    assert pepper_id == "old"
    assert hexadecimal == hmac.new(b"o" * 32, b"1:3:app:secret", "sha256").hexdigest()


def test_everything_that_makes_a_secret_makes_its_digest() -> None:
    digests = {
        digest(),
        digest(issuer_id=2),
        digest(client_id="app2"),
        digest(secret="secret2"),
        digest(pepper="new").replace("new:", "old:"),
    }
    assert len(digests) == 5


@given(TRIPLES, TRIPLES)
def test_no_two_triples_have_one_digest(one: tuple[int, str, str], other: tuple[int, str, str]) -> None:
    assume(one != other)
    assert digest(*one) != digest(*other)


def test_no_two_triples_have_one_digest_by_moving_a_colon() -> None:
    triples = [
        (1, "a:b", "c"),
        (1, "a", "b:c"),
        (1, "", "a:b:c"),
        (1, "a:b:c", ""),
        (11, "a", "b:c"),
        (1, "1:a", "b:c"),
    ]
    assert len({digest(*triple) for triple in triples}) == len(triples)


def test_the_first_pepper_is_the_current_one(settings: Settings) -> None:
    settings.SECRET_PEPPERS = {"new": b"n" * 32, "old": b"o" * 32}
    assert digest_of("secret", issuer_id=1, client_id="app") == digest(pepper="new")


def test_a_secret_matches_under_the_pepper_it_was_made_with() -> None:
    old = SecretSnapshot(id=1, digest=digest(pepper="old"), chosen=False, expires_at=None)
    new = SecretSnapshot(id=2, digest=digest(pepper="new", secret="other"), chosen=False, expires_at=None)
    assert match(old, new, forms=("secret",)) == 1
    assert match(old, new, forms=("other",)) == 2


def test_a_secret_whose_pepper_is_gone_matches_nothing_and_breaks_nothing(settings: Settings) -> None:
    lost = registered(1, "secret")
    settings.SECRET_PEPPERS = {"new": b"n" * 32}
    kept = SecretSnapshot(id=2, digest=digest(secret="other", pepper="new"), chosen=False, expires_at=None)
    assert match(lost, kept, forms=("secret",)) is None
    assert match(lost, kept, forms=("other",)) == 2


@pytest.mark.parametrize(
    "sent", ["", "secre", "secret ", "Secret", "secret\0", digest(pepper="tests-1")[8:], "none:"]
)
def test_nothing_else_matches(sent: str) -> None:
    assert match(registered(1, "secret"), forms=(sent,)) is None
    assert match(registered(1, "secret", chosen=True), forms=(sent, sent)) is None
    assert match(forms=(sent,)) is None


def test_another_clients_secret_matches_nothing() -> None:
    secret = registered(1, "secret")
    for issuer_id, client_id in ((2, "app"), (1, "other"), (1, "")):
        assert (
            matching([secret], forms=("secret",), issuer_id=issuer_id, client_id=client_id, now=NOW) is None
        )


def test_a_further_reading_counts_for_a_chosen_secret_only() -> None:
    generated, chosen = registered(1, "a%2Bb"), registered(2, "a%2Bb", chosen=True)
    assert match(generated, forms=("a+b", "a%2Bb")) is None
    assert match(generated, chosen, forms=("a+b", "a%2Bb")) == 2
    assert match(generated, chosen, forms=("a%2Bb",)) == 1


def test_of_two_that_match_the_first_registered_counts() -> None:
    assert match(registered(7, "x"), registered(8, "x"), forms=("x",)) == 7
    assert match(registered(7, "x", expires_at=NOW), registered(8, "x"), forms=("x",)) == 8


@pytest.mark.parametrize(
    ("expires_at", "is_live"),
    [(None, True), (NOW + timedelta(microseconds=1), True), (NOW, False), (NOW - HOUR, False)],
)
def test_a_secret_lives_until_the_instant_it_expires(*, expires_at: datetime | None, is_live: bool) -> None:
    assert match(registered(1, "x", expires_at=expires_at), forms=("x",)) == (1 if is_live else None)


def test_no_repr_tells_a_digest(cast: Cast) -> None:
    client = clients.get((cast.oidc_m2m.pk, "billing"))
    assert client is not None
    (secret,) = client.secrets
    hexadecimal = secret.digest.partition(":")[2]
    row = ClientSecret.objects.get(relying_party=cast.billing)
    for shown in (repr(secret), repr(client), repr(row), str(row)):
        assert hexadecimal not in shown


def test_a_generated_secret_is_shown_once_and_hinted_at(cast: Cast) -> None:
    secret, text = add_generated_secret(relying_party=cast.billing, label="second", expires_at=NOW)
    stored = ClientSecret.objects.get(pk=secret.pk)
    assert (stored.hint, stored.chosen, stored.label, stored.expires_at) == (text[-4:], False, "second", NOW)
    assert text not in str(ClientSecret.objects.filter(pk=secret.pk).values())
    assert is_text_of(text, stored)
    assert not is_text_of(text + "x", stored)


def test_a_chosen_secret_has_no_hint(cast: Cast) -> None:
    secret = add_chosen_secret(relying_party=cast.billing, text="secret")
    assert (secret.chosen, secret.hint) == (True, "")
    assert is_text_of("secret", secret)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "1 to 1024 characters"),
        ("x" * (MAX_CHOSEN_SECRET_LENGTH + 1), "1 to 1024 characters"),
        ("\ud800", "The secret holds a lone surrogate, which is not a character."),
    ],
    ids=["none", "long", "surrogate"],
)
def test_some_texts_are_no_secret(cast: Cast, text: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        add_chosen_secret(relying_party=cast.billing, text=text)


def test_a_chosen_secret_stands_once(cast: Cast) -> None:
    add_chosen_secret(relying_party=cast.billing, text="secret")
    add_chosen_secret(relying_party=cast.reports, text="secret")
    with pytest.raises(ValidationError):
        add_chosen_secret(relying_party=cast.billing, text="secret")


def test_a_revoked_secret_stays_revoked(cast: Cast) -> None:
    secret = ClientSecret.objects.get(relying_party=cast.billing)
    revoke_secret(secret, now=NOW)
    revoke_secret(secret, now=NOW + HOUR)
    secret.refresh_from_db()
    assert secret.revoked_at == NOW
    assert not secret.is_live(NOW - HOUR)
    client = clients.get((cast.oidc_m2m.pk, "billing"))
    assert client is not None
    assert client.secrets == ()
    with pytest.raises(ValidationError, match="Generate a new one"):
        change_expiry(secret, expires_at=None, now=NOW)


def test_the_end_of_a_live_secret_moves(cast: Cast) -> None:
    secret = ClientSecret.objects.get(relying_party=cast.billing)
    change_expiry(secret, expires_at=NOW + HOUR, now=NOW)
    assert ClientSecret.objects.get(pk=secret.pk).expires_at == NOW + HOUR
    with pytest.raises(ValidationError, match="revoke it"):
        change_expiry(secret, expires_at=NOW, now=NOW)
    with pytest.raises(ValidationError, match="Generate a new one"):
        change_expiry(secret, expires_at=None, now=NOW + HOUR)
    change_expiry(secret, expires_at=None, now=NOW)
    assert ClientSecret.objects.get(pk=secret.pk).expires_at is None


def test_a_secret_whose_pepper_would_be_lost_is_named(cast: Cast) -> None:
    assert secrets_without_pepper({"tests-1"}) == []
    named = secrets_without_pepper({"new"})
    assert "first of Billing (pepper tests-1)" in named
    assert secrets_without_pepper({"Tests-1"}) == named
    revoke_secret(ClientSecret.objects.get(relying_party=cast.billing), now=NOW)
    assert len(secrets_without_pepper({"new"})) == len(named) - 1


def test_a_secret_whose_pepper_is_gone_is_no_text(cast: Cast, settings: Settings) -> None:
    secret, text = add_generated_secret(relying_party=cast.billing)
    settings.SECRET_PEPPERS = {"new": b"n" * 32}
    assert not is_text_of(text, secret)


def test_the_database_keeps_no_hint_of_a_chosen_secret(cast: Cast) -> None:
    with pytest.raises(IntegrityError):
        ClientSecret.objects.filter(relying_party=cast.billing).update(chosen=True)


def test_a_digest_stands_once(cast: Cast) -> None:
    taken = ClientSecret.objects.get(relying_party=cast.billing).digest
    with pytest.raises(IntegrityError):
        ClientSecret(relying_party=cast.reports, digest=taken).save()
