"""A key is published as long as the tokens that it signed live, whatever becomes of its issuer's periods meanwhile."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from issuers.models import Issuer
from keys.lifecycle.rotation import activate_without_waiting, announce_successor
from keys.models import SigningKey
from tests.configuration.files import applied
from tests.console.forms import form_of
from tests.console.pages import url
from tests.support.at_once import all_at_once
from tests.support.cast import Cast

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
SECONDS_OF_A_DAY = 86_400
LONGER_LIVES = {"max_access_token_ttl": 10 * SECONDS_OF_A_DAY, "retire_period": 12 * SECONDS_OF_A_DAY}
ROUNDS = 8
SHORTER_LIVES = {"max_access_token_ttl": 3600, "default_access_token_ttl": 3600, "retire_period": 4000}


def fresh(key: SigningKey) -> SigningKey:
    return SigningKey.objects.select_related("issuer", "predecessor").get(pk=key.pk)


def successor_of(key: SigningKey, *, now: datetime) -> SigningKey:
    successor = announce_successor(fresh(key), now=now)
    assert successor is not None
    return successor


def change(issuer: Issuer, periods: dict[str, int]) -> None:
    for name, seconds in periods.items():
        setattr(issuer, name, seconds)
    issuer.checked().save()


def life_after_retirement(key: SigningKey) -> timedelta:
    key = fresh(key)
    assert key.retires_at is not None
    assert key.expires_at is not None
    return key.expires_at - key.retires_at


def test_a_longer_life_set_in_the_console_prolongs_the_keys_whose_end_is_set(
    cast: Cast, operator: Client
) -> None:
    successor_of(cast.key, now=timezone.now())
    page = url(Issuer, "change", cast.oidc_m2m.pk)
    assert operator.post(page, form_of(operator, page) | LONGER_LIVES).status_code == 302
    assert life_after_retirement(cast.key) == 12 * DAY
    change_of_key = fresh(cast.key).history.first()
    assert (change_of_key.history_user, change_of_key.source) == ("olga", "admin")


def test_a_longer_life_set_by_a_file_prolongs_the_keys_whose_end_is_set(cast: Cast) -> None:
    successor_of(cast.key, now=timezone.now())
    settings = ", ".join(f"{name}: {seconds}" for name, seconds in LONGER_LIVES.items())
    applied(f"issuers: [{{path: oidc_m2m, {settings}}}]")
    assert life_after_retirement(cast.key) == 12 * DAY


def test_a_shorter_life_takes_no_key_from_the_tokens_that_are_out(cast: Cast, operator: Client) -> None:
    successor_of(cast.key, now=timezone.now())
    page = url(Issuer, "change", cast.oidc_m2m.pk)
    assert operator.post(page, form_of(operator, page) | SHORTER_LIVES).status_code == 302
    assert life_after_retirement(cast.key) == 2 * DAY


def test_a_key_that_retires_after_a_life_was_lowered_outlives_the_tokens_from_before(cast: Cast) -> None:
    change(cast.oidc_m2m, SHORTER_LIVES)
    now = timezone.now()
    activate_without_waiting(successor_of(cast.key, now=now), now=now)
    assert DAY + 50 * SECOND < life_after_retirement(cast.key) <= DAY + 60 * SECOND


def test_a_key_that_never_signed_such_tokens_does_not_stay_for_them(cast: Cast) -> None:
    change(cast.oidc_m2m, SHORTER_LIVES)
    now = timezone.now()
    second = successor_of(cast.key, now=now)
    activate_without_waiting(second, now=now)
    successor_of(second, now=now)
    assert life_after_retirement(second) == 4000 * SECOND


@pytest.mark.slow
def test_an_issuer_is_changed_in_the_console_and_by_a_file_at_once(cast: Cast, operator: Client) -> None:
    successor_of(cast.key, now=timezone.now())
    page = url(Issuer, "change", cast.oidc_m2m.pk)
    for days in range(12, 12 + ROUNDS):
        life = days * SECONDS_OF_A_DAY
        form = form_of(operator, page) | {"retire_period": life}

        def save(form: dict[str, Any] = form) -> int:
            return operator.post(page, form).status_code

        def apply_file(life: int = life) -> int:
            return len(applied(f"issuers: [{{path: oidc_m2m, retire_period: {life + 1}}}]").changes)

        # Where the file comes first, the form was made from an older version.
        assert all_at_once(save, apply_file) in ([302, 1], [409, 1])
        assert life_after_retirement(cast.key) == timedelta(seconds=life + 1)
