"""rotate_secret: a new secret, and an end for the old one, in one act that every channel shares."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError

from issuers.models import ConfigurationRevision
from relying_parties.models import ClientSecret
from relying_parties.secrets.credentials import change_expiry, is_text_of, revoke_secret, rotate_secret
from tests.support.cast import Cast
from tests.support.failing import refusing

NOW = datetime(2026, 7, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def first_secret(cast: Cast, *, made_at: datetime = NOW - DAY) -> ClientSecret:
    ClientSecret.objects.filter(relying_party=cast.billing).update(created_at=made_at)
    return ClientSecret.objects.get(relying_party=cast.billing)


def test_it_makes_one_and_ends_the_other(cast: Cast) -> None:
    old = first_secret(cast)

    new, text = rotate_secret(old, ends_at=NOW + DAY, now=NOW, label="second", expires_at=NOW + 90 * DAY)

    assert is_text_of(text, new)
    assert list(cast.billing.secrets.order_by("pk").values_list("label", "expires_at", "revoked_at")) == [
        ("first", NOW + DAY, None),
        ("second", NOW + 90 * DAY, None),
    ]
    assert (new.history.count(), old.history.first().expires_at) == (1, NOW + DAY)


def test_it_does_both_or_neither(cast: Cast) -> None:
    old, revision = first_secret(cast), ConfigurationRevision.objects.get().number

    with (
        refusing("INSERT", "relying_parties_clientsecret"),
        pytest.raises(Exception, match="the disk is full"),
    ):
        rotate_secret(old, ends_at=NOW + DAY, now=NOW)

    assert ClientSecret.objects.get(relying_party=cast.billing).expires_at is None
    assert ConfigurationRevision.objects.get().number == revision


def test_the_end_of_the_old_one_never_moves_back(cast: Cast) -> None:
    old = first_secret(cast)
    change_expiry(old, expires_at=NOW + DAY, now=NOW)

    with pytest.raises(ValidationError, match="ends at 2026-07-02 00:00:00 UTC: choose that or earlier"):
        rotate_secret(old, ends_at=NOW + DAY + timedelta(microseconds=1), now=NOW)

    rotate_secret(old, ends_at=NOW + DAY, now=NOW)
    assert cast.billing.secrets.count() == 2


def test_what_it_was_when_it_was_read_does_not_count(cast: Cast) -> None:
    old, same = first_secret(cast), first_secret(cast)
    rotate_secret(old, ends_at=NOW + DAY, now=NOW)

    with pytest.raises(ValidationError, match="choose that or earlier"):
        rotate_secret(same, ends_at=NOW + 2 * DAY, now=NOW)


def test_it_refuses_to_end_one_in_the_past(cast: Cast) -> None:
    with pytest.raises(ValidationError, match="revoke it"):
        rotate_secret(first_secret(cast), ends_at=NOW, now=NOW)
    assert cast.billing.secrets.count() == 1


def test_it_refuses_one_that_has_ended(cast: Cast) -> None:
    old = first_secret(cast)
    revoke_secret(old, now=NOW)
    with pytest.raises(ValidationError, match="Generate a new one"):
        rotate_secret(old, ends_at=NOW + DAY, now=NOW)


def test_one_that_is_older_than_its_issuer_allows_can_overlap(cast: Cast) -> None:
    cast.oidc_m2m.max_client_secret_age = 86_400
    cast.oidc_m2m.save()
    old = first_secret(cast, made_at=NOW - 30 * DAY)

    rotate_secret(old, ends_at=NOW + 7 * DAY, now=NOW)
    old.refresh_from_db()
    change_expiry(old, expires_at=NOW + 6 * DAY, now=NOW)

    assert ClientSecret.objects.get(pk=old.pk).expires_at == NOW + 6 * DAY
    with pytest.raises(ValidationError, match="older already than its issuer allows"):
        change_expiry(old, expires_at=NOW + 7 * DAY, now=NOW)
