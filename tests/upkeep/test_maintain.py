"""Maintenance: each task is done, even when another one fails."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from console.models import ConsoleSession
from keys.lifecycle.creation import create_first_key
from keys.lifecycle.due import rotates_at
from keys.models import SigningKey
from tests.support.cast import Cast
from tests.support.failing import refusing
from tests.upkeep.past import open_session, proved
from upkeep.maintenance import Done, maintain

NOW = timezone.now()


@pytest.mark.usefixtures("sealed")
def test_a_second_run_has_nothing_to_do() -> None:
    proved("secret:1", NOW)

    assert maintain(NOW) == Done(credential_uses=1, sealed_rows=1)
    assert maintain(NOW) == Done()


@pytest.mark.django_db
def test_it_clears_the_sessions_that_have_ended() -> None:
    for life in (-10, 3600):
        open_session(life)

    assert maintain(timezone.now()).expired_sessions == 1
    assert ConsoleSession.objects.count() == 1


def test_an_overdue_key_is_reported_until_it_has_a_successor(cast: Cast) -> None:
    late = rotates_at(cast.other_key)

    first = maintain(late)

    assert set(first.overdue_keys) == {cast.key.kid, cast.other_key.kid}
    assert len(first.announced_keys) == 2
    assert maintain(late) == Done()


def test_of_many_keys_each_is_published_when_it_is_made(cast: Cast) -> None:
    late = rotates_at(cast.other_key)
    for alg in ("RS256", "PS256"):
        create_first_key(issuer=cast.other, alg=alg, now=cast.other_key.published_at)

    began = time.monotonic()
    made = maintain(late).announced_keys
    took = timedelta(seconds=time.monotonic() - began)

    keys = SigningKey.objects.filter(kid__in=made).select_related("issuer").order_by("pk")
    published = [key.published_at for key in keys]
    assert late < published[0] < published[1] < published[2] < published[3] < late + took
    for key in keys:
        assert key.issuer
        assert key.activates_at == key.published_at + timedelta(seconds=key.issuer.announce_period)


def test_a_key_that_signs_no_longer_than_planned_is_not_overdue(cast: Cast) -> None:
    assert maintain(rotates_at(cast.key) - timedelta(seconds=1)).overdue_keys == ()


def test_a_chore_that_fails_keeps_no_other_from_being_done(cast: Cast) -> None:
    open_session(-10)
    proved("secret:1", NOW)

    with refusing("DELETE", "console_consolesession"):
        done = maintain(rotates_at(cast.other_key))

    assert (done.credential_uses, done.expired_sessions, len(done.announced_keys)) == (1, 0, 2)
    assert [failure.chore for failure in done.failed] == ["clear expired sessions"]
    assert done.failed[0].reason.startswith(
        "The database failed: the disk is full. The next run tries again;"
    )
    assert maintain(rotates_at(cast.other_key)) == Done(expired_sessions=1)


def test_a_successor_that_cannot_be_made_keeps_no_other_from_being_made(cast: Cast) -> None:
    due = rotates_at(cast.other_key)

    with refusing("INSERT", "keys_signingkey", when=f"NEW.issuer_id = {cast.oidc_m2m.pk}"):
        done = maintain(due)

    assert [failure.chore for failure in done.failed] == [f"announce the successor of key {cast.key.kid}"]
    assert [key.predecessor for key in SigningKey.objects.filter(kid__in=done.announced_keys)] == [
        cast.other_key
    ]
    assert maintain(due).overdue_keys == (cast.key.kid,)


@pytest.mark.usefixtures("sealed")
def test_a_key_encryption_key_that_does_not_fit_is_reported(cast: Cast, settings: Settings) -> None:
    settings.KEY_ENCRYPTION_KEYS = {"k1": b"short"}

    done = maintain(rotates_at(cast.other_key))

    assert len(done.failed) == 2
    assert "AESGCM key must be" in done.failed[0].reason
    assert SigningKey.objects.count() == 3
