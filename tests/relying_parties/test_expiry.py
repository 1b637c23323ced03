"""What expires soon: client secrets, relying parties and the certificates of signing keys."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from issuance.outlook.expiry import expiries
from issuers.expiry import HORIZON, Kind, step_of
from issuers.models import Issuer
from keys.importing.certificates import attach_chain, certificate_request, read_chain
from keys.lifecycle.rotation import announce_successor
from relying_parties.models import ClientSecret, RelyingParty
from relying_parties.secrets.credentials import add_generated_secret, revoke_secret
from tests.keys.authority import LIFE, Authority
from tests.support.cast import Cast

NOW = timezone.now()
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)


def end_secret(cast: Cast, at: datetime = NOW + DAY) -> ClientSecret:
    ClientSecret.objects.filter(relying_party=cast.billing).update(expires_at=at)
    return ClientSecret.objects.get(relying_party=cast.billing)


@pytest.mark.parametrize(
    ("left", "days"),
    [
        (30 * DAY + MICROSECOND, None), (30 * DAY, 30), (14 * DAY + MICROSECOND, 30), (14 * DAY, 14), (7 * DAY, 7),
        (DAY + MICROSECOND, 7), (DAY, 1), (MICROSECOND, 1), (timedelta(0), None), (-DAY, None),
    ],
)  # fmt: skip
def test_an_end_is_within_the_least_step_that_holds_it(left: timedelta, days: int | None) -> None:
    assert step_of(NOW + left, now=NOW) == days


@pytest.mark.django_db
def test_of_the_cast_nothing_ends() -> None:
    assert expiries(NOW) == ()


def test_it_names_secrets_and_relying_parties_the_first_first(cast: Cast) -> None:
    secret = end_secret(cast, NOW + 10 * DAY)
    RelyingParty.objects.filter(pk=cast.reports.pk).update(valid_until=NOW + 6 * DAY)

    reports, first = expiries(NOW)

    assert (reports.kind, reports.id, reports.name) == (Kind.RELYING_PARTY, cast.reports.pk, "reports")
    assert (reports.at, reports.days, reports.is_replaced) == (NOW + 6 * DAY, 7, False)
    assert (first.kind, first.id, first.name) == (Kind.CLIENT_SECRET, secret.pk, "first of billing")
    assert (first.at, first.days, first.issuer, first.page_id) == (NOW + 10 * DAY, 14, "M2M", cast.billing.pk)
    assert str(first).startswith("client secret first of billing at M2M ends within 14 days, at 20")
    assert first.advice.startswith("Rotate it")


@pytest.mark.parametrize("at", [NOW, NOW - DAY, NOW + HORIZON + MICROSECOND])
def test_what_has_ended_or_is_far_away_is_not_named(cast: Cast, at: datetime) -> None:
    end_secret(cast, at)
    RelyingParty.objects.filter(pk=cast.reports.pk).update(valid_until=at)
    assert expiries(NOW) == ()


@pytest.mark.parametrize("change", [{"is_active": False}, {"valid_until": NOW}])
def test_a_secret_that_nobody_may_use_is_not_named(cast: Cast, change: dict[str, Any]) -> None:
    end_secret(cast)
    RelyingParty.objects.filter(pk=cast.billing.pk).update(**change)
    assert expiries(NOW) == ()


def test_a_revoked_secret_is_not_named(cast: Cast) -> None:
    revoke_secret(end_secret(cast), now=NOW)
    assert expiries(NOW) == ()


def test_nothing_of_an_inactive_issuer_is_named(cast: Cast) -> None:
    end_secret(cast)
    RelyingParty.objects.filter(pk=cast.reports.pk).update(valid_until=NOW + DAY)
    Issuer.objects.filter(pk=cast.oidc_m2m.pk).update(is_active=False)
    assert expiries(NOW) == ()


@pytest.mark.parametrize(
    ("later", "is_replaced"), [(None, True), (timedelta(days=2), True), (DAY, False), (DAY / 2, False)]
)
def test_a_secret_is_replaced_by_a_younger_one_that_outlives_it(
    cast: Cast, later: timedelta | None, *, is_replaced: bool
) -> None:
    old = end_secret(cast)
    add_generated_secret(relying_party=cast.billing, expires_at=NOW + later if later else None)

    named = {ending.id: ending.is_replaced for ending in expiries(NOW)}

    assert named[old.pk] == is_replaced


def test_neither_an_older_nor_a_revoked_nor_a_foreign_secret_replaces_one(cast: Cast) -> None:
    old = end_secret(cast)
    for relying_party in (cast.billing, cast.billing, cast.reports):
        add_generated_secret(relying_party=relying_party, label="younger")
    before, revoked = ClientSecret.objects.filter(relying_party=cast.billing, label="younger")
    ClientSecret.objects.filter(pk=before.pk).update(created_at=old.created_at - DAY)
    revoke_secret(revoked, now=NOW)

    (ending,) = expiries(NOW)

    assert (ending.id, ending.is_replaced) == (old.pk, False)


def test_a_certificate_of_a_key_that_signs_is_named(cast: Cast) -> None:
    key = cast.other_key
    pem = Authority.new("CA").chain_for(certificate_request(key), now=NOW)
    attach_chain(key, read_chain(pem, key=key), now=NOW)
    soon = NOW + LIFE - 5 * DAY

    (ending,) = expiries(soon)

    assert (ending.kind, ending.id, ending.page_id) == (Kind.SIGNING_CERTIFICATE, key.pk, key.pk)
    assert (ending.name, ending.days, ending.is_replaced) == (f"of key {key.kid}", 7, False)
    assert ending.at == (NOW + LIFE).replace(microsecond=0)


def test_a_certificate_is_replaced_when_its_keys_successor_signs_before(cast: Cast) -> None:
    key = cast.other_key
    pem = Authority.new("CA").chain_for(certificate_request(key), now=NOW)
    attach_chain(key, read_chain(pem, key=key), now=NOW)
    soon = NOW + LIFE - 20 * DAY
    announce_successor(key, now=soon)

    (ending,) = expiries(soon)

    assert ending.is_replaced
    assert expiries(soon + 15 * DAY) == ()
