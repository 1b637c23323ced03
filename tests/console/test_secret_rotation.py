"""Rotating a client secret in the console: one act, shown once, as P10.2 has it."""

import io
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from relying_parties.models import ClientSecret, CredentialUse, RelyingParty
from tests.console.forms import act
from tests.console.pages import act_urls, all_urls, body_of, fill_every_table, url
from tests.support.cast import Cast
from tests.support.wire import ask, basic

SECRET = re.compile(r"m2m_[A-Za-z0-9_-]{43}")
DAY = timedelta(days=1)


def in_form(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}"


def old_secret(cast: Cast) -> ClientSecret:
    return ClientSecret.objects.get(relying_party=cast.billing, label="first")


def rotate(client: Client, cast: Cast, **form: Any) -> Any:
    sent = {
        "newest": ClientSecret.objects.filter(relying_party=cast.billing).latest("pk").pk,
        "label": "second",
        "ends_at": in_form(timezone.now() + DAY),
    }
    return act(client, act_urls(cast)["rotate secret"], sent | form)


def text_in(response: HttpResponse) -> str:
    (text,) = set(SECRET.findall(response.content.decode()))
    return str(text)


@pytest.mark.contract("P10.2")
def test_both_secrets_authenticate_while_they_overlap(cast: Cast, operator: Client) -> None:
    end = (timezone.now() + DAY).replace(microsecond=0)

    response = rotate(operator, cast, ends_at=in_form(end))

    assert ask(auth=basic("billing", text_in(response))).status == 200
    assert ask(auth=cast.basic("billing")).status == 200
    assert old_secret(cast).expires_at == end
    assert response.headers["Cache-Control"] == "no-store"
    assert f"The old one, first, lives until {end:%Y-%m-%d %H:%M} UTC." in response.content.decode()


def test_a_secret_without_a_label_is_called_by_its_number(cast: Cast, operator: Client) -> None:
    ClientSecret.objects.filter(relying_party=cast.billing).update(label="")
    page = body_of(operator, act_urls(cast)["rotate secret"])
    assert f"Rotate the secret #{ClientSecret.objects.get(relying_party=cast.billing).pk} of" in page


@pytest.mark.slow
@pytest.mark.contract("P10.2")
def test_the_new_one_is_on_no_other_page_and_in_no_log(
    cast: Cast, operator: Client, superuser: Client, log_lines: io.StringIO
) -> None:
    secret = text_in(rotate(operator, cast))
    ask(auth=basic("billing", secret))
    fill_every_table(cast)
    for client in (operator, superuser):
        assert not [page for page in all_urls(cast) if secret in body_of(client, page)]
    assert secret not in log_lines.getvalue()


@pytest.mark.contract("P10.2")
def test_a_reload_shows_nothing_and_makes_nothing(cast: Cast, operator: Client) -> None:
    newest, end = old_secret(cast).pk, in_form(timezone.now() + DAY)
    first, reloaded = (rotate(operator, cast, newest=newest, ends_at=end) for _ in range(2))
    assert (first.status_code, reloaded.status_code) == (200, 409)
    assert not SECRET.search(reloaded.content.decode())
    assert ClientSecret.objects.filter(relying_party=cast.billing).count() == 2


def test_nothing_is_rotated_by_a_get(cast: Cast, operator: Client) -> None:
    page = body_of(operator, act_urls(cast)["rotate secret"])
    assert in_form(timezone.now() + 7 * DAY)[:10] in page
    assert old_secret(cast).expires_at is None
    assert ClientSecret.objects.filter(relying_party=cast.billing).count() == 1


def test_the_form_proposes_no_later_end_than_the_secret_has(cast: Cast, operator: Client) -> None:
    end = timezone.now() + 3 * DAY
    ClientSecret.objects.filter(relying_party=cast.billing).update(expires_at=end)
    page = operator.get(act_urls(cast)["rotate secret"])
    proposed = page.context["form"]["ends_at"].value()
    assert rotate(operator, cast, ends_at=in_form(proposed)).status_code == 200
    assert old_secret(cast).expires_at == end.replace(microsecond=0)


@pytest.mark.parametrize(
    ("days", "told"),
    [(4, "choose that or earlier"), (-1, "That instant is past. To end a secret now, revoke it.")],
)
def test_an_end_that_is_none_is_refused_in_the_form(
    cast: Cast, operator: Client, days: int, told: str
) -> None:
    end = timezone.now() + 3 * DAY
    ClientSecret.objects.filter(relying_party=cast.billing).update(expires_at=end)
    response = rotate(operator, cast, ends_at=in_form(timezone.now() + days * DAY))
    assert told in response.content.decode()
    assert ClientSecret.objects.get(relying_party=cast.billing).expires_at == end


def test_a_later_end_than_the_issuer_allows_is_refused_whole(cast: Cast, operator: Client) -> None:
    cast.oidc_m2m.max_client_secret_age = 864_000
    cast.oidc_m2m.save()
    response = rotate(operator, cast, expires_at=in_form(timezone.now() + 11 * DAY))
    assert b"At most 864000 seconds after it was made" in response.content
    assert ClientSecret.objects.get(relying_party=cast.billing).expires_at is None
    assert not LogEntry.objects.exists()


def test_a_revoked_secret_is_not_rotated(cast: Cast, operator: Client) -> None:
    ClientSecret.objects.filter(relying_party=cast.billing).update(revoked_at=timezone.now())
    assert b"Generate a new one." in rotate(operator, cast).content
    assert ClientSecret.objects.filter(relying_party=cast.billing).count() == 1
    assert "Rotate" not in body_of(operator, url(RelyingParty, "credentials", cast.billing.pk))


def test_it_leaves_the_operators_name_on_both(cast: Cast, operator: Client) -> None:
    rotate(operator, cast)
    for label in ("first", "second"):
        secret = ClientSecret.objects.get(relying_party=cast.billing, label=label)
        assert (secret.history.latest().history_user_id, secret.history.latest().source) == ("olga", "admin")
    told = sorted(entry.get_change_message() for entry in LogEntry.objects.all())
    assert told == ["Added client secret “second”.", "Changed expiry for client secret “first”."]


@pytest.mark.parametrize("page", ["rotate secret", "client"])
def test_the_page_tells_a_secret_that_was_never_used_from_one_of_which_nothing_is_known(
    cast: Cast, operator: Client, page: str
) -> None:
    address = {**act_urls(cast), "client": url(RelyingParty, "credentials", cast.billing.pk)}[page]
    secret = old_secret(cast)
    assert "not known yet\n" in body_of(operator, address)

    CredentialUse.objects.create(credential="secret:0", last_used_at=secret.created_at)
    assert "not known yet\n" in body_of(operator, address)

    CredentialUse.objects.update(last_used_at=secret.created_at + DAY)
    assert "never used\n" in body_of(operator, address)

    used_at = secret.created_at + 2 * DAY
    CredentialUse.objects.create(credential=f"secret:{secret.pk}", last_used_at=used_at)
    assert f"{used_at:%Y-%m-%d %H:%M}\n" in body_of(operator, address)
