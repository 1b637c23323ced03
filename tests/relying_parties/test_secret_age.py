"""Issuer.max_client_secret_age: how long a secret may live, through whichever channel it comes."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError

from relying_parties.models import ClientSecret
from relying_parties.secrets.credentials import (
    add_chosen_secret,
    add_generated_secret,
    change_expiry,
    revoke_secret,
    too_old_at_their_end,
)
from tests.support.cast import Cast

DAY = timedelta(days=1)
TEN_DAYS = 864_000
MICROSECOND = timedelta(microseconds=1)


def first_secret(cast: Cast, *, made_at: datetime = datetime(2026, 7, 1, tzinfo=UTC)) -> ClientSecret:
    ClientSecret.objects.filter(relying_party=cast.billing).update(created_at=made_at)
    return ClientSecret.objects.select_related("relying_party__issuer").get(relying_party=cast.billing)


@pytest.fixture
def cast(cast: Cast) -> Cast:
    cast.oidc_m2m.max_client_secret_age = TEN_DAYS
    cast.oidc_m2m.checked().save()
    cast.billing.refresh_from_db(fields=["issuer"])
    return cast


def test_a_new_secret_lives_as_long_as_the_issuer_allows(cast: Cast) -> None:
    made, _ = add_generated_secret(relying_party=cast.billing)
    chosen = add_chosen_secret(relying_party=cast.billing, text="secret")

    for secret in (made, chosen):
        stored = ClientSecret.objects.get(pk=secret.pk)
        assert stored.expires_at == stored.created_at + timedelta(seconds=TEN_DAYS)


def test_it_may_end_earlier(cast: Cast) -> None:
    earlier = first_secret(cast).created_at + DAY

    assert add_generated_secret(relying_party=cast.billing, expires_at=earlier)[0].expires_at == earlier


def test_it_is_refused_a_longer_life(cast: Cast) -> None:
    later = datetime.now(tz=UTC) + 11 * DAY

    with pytest.raises(ValidationError) as refusal:
        add_generated_secret(relying_party=cast.billing, expires_at=later)

    [message] = refusal.value.message_dict["expires_at"]
    assert message.startswith("At most 864000 seconds after it was made, so 20")
    assert not ClientSecret.objects.filter(relying_party=cast.billing, expires_at=later).exists()


def test_its_end_moves_up_to_the_instant_that_the_issuer_allows(cast: Cast) -> None:
    secret = first_secret(cast)
    now, latest = secret.created_at + DAY, secret.created_at + 10 * DAY

    change_expiry(secret, expires_at=latest, now=now)

    with pytest.raises(ValidationError, match="so 2026-07-11 00:00:00 UTC or earlier"):
        change_expiry(secret, expires_at=latest + MICROSECOND, now=now)
    assert ClientSecret.objects.get(pk=secret.pk).expires_at == latest


def test_no_end_of_its_own_is_the_issuers(cast: Cast) -> None:
    secret = first_secret(cast)

    change_expiry(secret, expires_at=None, now=secret.created_at + DAY)

    assert ClientSecret.objects.get(pk=secret.pk).expires_at == secret.created_at + 10 * DAY


def test_a_secret_that_is_too_old_already_is_to_be_rotated(cast: Cast) -> None:
    secret = first_secret(cast)

    with pytest.raises(ValidationError, match="older already than its issuer allows"):
        change_expiry(secret, expires_at=None, now=secret.created_at + 10 * DAY)


def test_a_secret_from_before_lives_on_and_is_named(cast: Cast) -> None:
    secret = first_secret(cast)
    now = secret.created_at + 20 * DAY
    ClientSecret.objects.exclude(pk=secret.pk).update(expires_at=now)

    assert secret.is_live(now)
    assert list(too_old_at_their_end(cast.oidc_m2m, now=now)) == [secret]
    for end, is_named in ((9 * DAY, False), (10 * DAY, False), (10 * DAY + MICROSECOND, True)):
        ClientSecret.objects.filter(pk=secret.pk).update(expires_at=secret.created_at + end)
        assert too_old_at_their_end(cast.oidc_m2m, now=secret.created_at).exists() == is_named


def test_what_has_ended_is_not_named(cast: Cast) -> None:
    secret = first_secret(cast)
    now = secret.created_at + 20 * DAY
    ClientSecret.objects.exclude(pk=secret.pk).update(expires_at=now)
    ClientSecret.objects.filter(pk=secret.pk).update(expires_at=now)
    assert not too_old_at_their_end(cast.oidc_m2m, now=now).exists()

    ClientSecret.objects.filter(pk=secret.pk).update(expires_at=None)
    revoke_secret(secret, now=now)
    assert not too_old_at_their_end(cast.oidc_m2m, now=now).exists()


def test_another_issuers_secrets_are_its_own_matter(cast: Cast) -> None:
    assert add_generated_secret(relying_party=cast.stranger)[0].expires_at is None
    assert not too_old_at_their_end(cast.other, now=datetime.now(tz=UTC)).exists()


@pytest.mark.parametrize("seconds", [0, 316_224_001])
def test_an_age_is_at_least_a_second_and_at_most_ten_years(cast: Cast, seconds: int) -> None:
    cast.oidc_m2m.max_client_secret_age = seconds
    with pytest.raises(ValidationError) as refusal:
        cast.oidc_m2m.full_clean()
    assert list(refusal.value.message_dict) == ["max_client_secret_age"]
