"""What an operator learns about keys: what is missing, what comes next, what is overdue."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from issuers.models import Issuer
from keys.lifecycle.revocation import revoke
from keys.lifecycle.rotation import announce_successor
from keys.models import SigningKey
from tests.console.forms import act
from tests.console.pages import body_of, url
from tests.support.cast import Cast

CANNOT = "Keyless cannot issue a token: it has no RS256 key that signs"
ACTS = ("rotate", "activate", "request", "chain", "revoke")


@pytest.fixture
def keyless(cast: Cast) -> Issuer:
    issuer = Issuer(path="keyless", name="Keyless")
    issuer.checked().save()
    return issuer


def make_older(key: SigningKey, days: int) -> None:
    since = timezone.now() - timedelta(days=days)
    SigningKey.objects.filter(pk=key.pk).update(published_at=since, activates_at=since)


def acts_offered(client: Client, key: SigningKey) -> set[str]:
    body = body_of(client, url(SigningKey, "change", key.pk))
    return {act for act in ACTS if url(SigningKey, act, key.pk) in body}


def test_the_page_of_an_issuer_without_a_key_says_so_first(keyless: Issuer, operator: Client) -> None:
    body = body_of(operator, url(Issuer, "change", keyless.pk))
    before_the_form = body.partition('name="path"')[0]
    assert CANNOT in before_the_form
    assert url(Issuer, "create_key", keyless.pk, "RS256") in before_the_form
    assert url(Issuer, "import_key", keyless.pk) in before_the_form


def test_an_auditor_sees_it_and_is_offered_nothing(keyless: Issuer, auditor: Client) -> None:
    body = body_of(auditor, url(Issuer, "change", keyless.pk))
    assert CANNOT in body
    assert url(Issuer, "import_key", keyless.pk) not in body
    assert "create-key" not in body


def test_an_issuer_that_signs_is_not_said_to_be_without_a_key(cast: Cast, operator: Client) -> None:
    assert "cannot issue a token" not in body_of(operator, url(Issuer, "change", cast.oidc_m2m.pk))


def test_the_page_of_an_issuer_says_what_comes_next(cast: Cast, auditor: Client) -> None:
    signs_from = cast.other_key.activates_at + timedelta(seconds=cast.other.rotation_period)
    announced = signs_from - timedelta(seconds=cast.other.announce_period)
    assert f"A successor is announced on {announced:%Y-%m-%d} and signs from {signs_from:%Y-%m-%d}." in (
        body_of(auditor, url(Issuer, "change", cast.other.pk))
    )


def test_the_page_of_an_issuer_names_the_announced_key(cast: Cast, auditor: Client) -> None:
    successor = announce_successor(cast.other_key, now=timezone.now())
    assert successor is not None
    body = " ".join(body_of(auditor, url(Issuer, "change", cast.other.pk)).split())
    assert (
        f"{successor.kid[:12]}…</code></a> is announced and signs from {successor.activates_at:%Y-%m-%d}"
        in body
    )


def test_the_page_of_an_issuer_says_that_a_successor_is_due(cast: Cast, auditor: Client) -> None:
    make_older(cast.other_key, 80)
    assert "A successor is due" in body_of(auditor, url(Issuer, "change", cast.other.pk))


def test_an_overdue_key_is_named_where_one_looks(cast: Cast, operator: Client) -> None:
    make_older(cast.other_key, 100)
    since = timezone.now() - timedelta(days=10)
    overview = " ".join(body_of(operator, "/admin/").split())
    assert f"Overdue since {since:%Y-%m-%d}: it goes on signing, and has no successor." in overview
    assert f"{url(SigningKey, 'rotate', cast.other_key.pk)}" in overview
    assert f"</span> since {since:%Y-%m-%d}: no successor was announced" in (
        body_of(operator, url(Issuer, "change", cast.other.pk))
    )


def test_the_overview_says_when_the_next_key_signs(cast: Cast, auditor: Client) -> None:
    assert "Overdue since" not in body_of(auditor, "/admin/")
    lines = {line.issuer: line for line in auditor.get("/admin/").context["overview"].issuers}
    period = timedelta(seconds=cast.other.rotation_period)
    outlook = lines[cast.other].outlook
    assert (outlook.signs_from, outlook.is_announced) == (cast.other_key.activates_at + period, False)


def test_a_key_offers_the_acts_that_fit_its_state(cast: Cast, operator: Client) -> None:
    assert acts_offered(operator, cast.other_key) == {"rotate", "request", "chain", "revoke"}
    successor = announce_successor(cast.other_key, now=timezone.now())
    assert successor is not None
    assert acts_offered(operator, cast.other_key) == {"request", "chain", "revoke"}
    assert acts_offered(operator, successor) == {"activate", "request", "chain", "revoke"}
    revoke(cast.other_key, now=timezone.now())
    assert acts_offered(operator, cast.other_key) == set()


def test_a_key_offers_an_auditor_its_certificate_alone(cast: Cast, auditor: Client) -> None:
    assert acts_offered(auditor, cast.other_key) == set()
    assert url(SigningKey, "certificate", cast.other_key.pk) in (
        body_of(auditor, url(SigningKey, "change", cast.other_key.pk))
    )


def test_the_page_that_deletes_an_issuer_names_what_keeps_it(cast: Cast, operator: Client) -> None:
    body = body_of(operator, url(Issuer, "delete", cast.other.pk))
    assert "cannot be deleted while these belong to it" in body
    assert cast.other_key.kid in body
    assert "permission" not in body
    assert act(operator, url(Issuer, "delete", cast.other.pk), {"post": "yes"}).status_code == 200
    assert Issuer.objects.filter(pk=cast.other.pk).exists()


def test_an_issuer_that_nothing_belongs_to_can_be_deleted(keyless: Issuer, operator: Client) -> None:
    act(operator, url(Issuer, "delete", keyless.pk), {"post": "yes"})
    assert not Issuer.objects.filter(pk=keyless.pk).exists()
