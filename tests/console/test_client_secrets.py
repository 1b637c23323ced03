"""P10.2: a secret is in exactly one response body, the one that made it."""

import io
import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.utils import timezone

from console.models import ConsoleSession
from relying_parties.models import ClientSecret, CredentialUse, RelyingParty
from tests.console.forms import act
from tests.console.pages import act_urls, all_urls, body_of, fill_every_table, url
from tests.support.cast import Cast
from tests.support.wire import ask, basic

SECRET = re.compile(r"m2m_[A-Za-z0-9_-]{43}")


def generate(client: Client, cast: Cast, **form: str) -> str:
    newest = ClientSecret.objects.filter(relying_party=cast.billing).latest("pk").pk
    response = client.post(act_urls(cast)["generate"], {"newest": newest, "label": "second", **form})
    (text,) = set(SECRET.findall(response.content.decode()))
    return str(text)


@pytest.mark.contract("P10.2")
def test_a_generated_secret_authenticates_beside_the_older_one(cast: Cast, operator: Client) -> None:
    secret = generate(operator, cast)
    assert ask(auth=basic("billing", secret)).status == 200
    assert ask(auth=cast.basic("billing")).status == 200


@pytest.mark.slow
@pytest.mark.contract("P10.2")
def test_no_other_page_shows_it(cast: Cast, operator: Client, superuser: Client) -> None:
    secret = generate(operator, cast)
    fill_every_table(cast)
    for client in (operator, superuser):
        assert not [page for page in all_urls(cast) if secret in body_of(client, page)]


@pytest.mark.contract("P10.2")
def test_it_is_nowhere_in_the_database_and_in_no_log(
    cast: Cast, operator: Client, log_lines: io.StringIO
) -> None:
    secret = generate(operator, cast)
    ask(auth=basic("billing", secret))
    assert secret not in log_lines.getvalue()
    assert not [table for table in connection.introspection.table_names() if secret in dump(table)]
    assert secret not in str([session.get_decoded() for session in ConsoleSession.objects.all()])


@pytest.mark.contract("P10.2")
def test_a_reload_shows_nothing_and_makes_nothing(cast: Cast, operator: Client) -> None:
    form = {"newest": ClientSecret.objects.filter(relying_party=cast.billing).latest("pk").pk}
    first, reloaded = (operator.post(act_urls(cast)["generate"], form) for _ in range(2))
    assert (first.status_code, reloaded.status_code) == (200, 409)
    assert not SECRET.search(reloaded.content.decode())
    assert ClientSecret.objects.filter(relying_party=cast.billing).count() == 2


@pytest.mark.contract("P10.2", "P10.5")
def test_the_answer_that_shows_it_is_not_stored(cast: Cast, operator: Client) -> None:
    newest = ClientSecret.objects.filter(relying_party=cast.billing).latest("pk").pk
    response = operator.post(act_urls(cast)["generate"], {"newest": newest})
    assert response.headers["Cache-Control"] == "no-store"


def test_it_tells_who_made_it_and_not_what_it_is(cast: Cast, operator: Client) -> None:
    generate(operator, cast)
    secret = ClientSecret.objects.latest("pk")
    assert secret.history.get().history_user_id == "olga"
    assert LogEntry.objects.get().get_change_message() == "Added client secret “second”."


def test_a_revoked_secret_is_refused_and_stays_on_the_page(cast: Cast, operator: Client) -> None:
    act(operator, act_urls(cast)["revoke"])
    assert ask(auth=cast.basic("billing")).status == 401
    assert "revoked" in body_of(operator, url(RelyingParty, "credentials", cast.billing.pk))


def test_nothing_is_revoked_by_a_get(cast: Cast, operator: Client) -> None:
    operator.get(act_urls(cast)["revoke"])
    assert ask(auth=cast.basic("billing")).status == 200


def test_a_secret_of_another_relying_party_is_not_found(cast: Cast, operator: Client) -> None:
    foreign = ClientSecret.objects.get(relying_party=cast.stranger)
    response = operator.post(url(RelyingParty, "revoke_secret", cast.billing.pk, foreign.pk))
    foreign.refresh_from_db()
    assert (response.status_code, foreign.revoked_at) == (404, None)


def test_an_expiry_can_be_set_and_taken_away(cast: Cast, operator: Client) -> None:
    secret = ClientSecret.objects.get(relying_party=cast.billing)
    tomorrow = (timezone.now() + timedelta(days=1)).replace(microsecond=0)
    act(operator, act_urls(cast)["expiry"], {"expires_at": f"{tomorrow:%Y-%m-%dT%H:%M:%S}"})
    secret.refresh_from_db()
    assert secret.expires_at == tomorrow
    act(operator, act_urls(cast)["expiry"], {"expires_at": ""})
    secret.refresh_from_db()
    assert secret.expires_at is None
    told = {entry.get_change_message() for entry in LogEntry.objects.all()}
    assert told == {"Changed expiry for client secret “first”."}


def test_an_expiry_in_the_past_is_refused(cast: Cast, operator: Client) -> None:
    response = act(operator, act_urls(cast)["expiry"], {"expires_at": "2020-01-01T00:00:00"})
    assert b"That instant is past." in response.content
    assert ask(auth=cast.basic("billing")).status == 200


def test_the_expiry_of_a_revoked_secret_stays(cast: Cast, operator: Client) -> None:
    urls = act_urls(cast)
    act(operator, urls["revoke"])
    act(operator, urls["expiry"], {"expires_at": "2099-01-01T00:00:00"})
    assert ClientSecret.objects.get(relying_party=cast.billing).expires_at is None


def test_the_page_tells_when_a_secret_was_last_used(cast: Cast, operator: Client) -> None:
    secret = ClientSecret.objects.get(relying_party=cast.billing)
    used_at = timezone.now() - timedelta(days=40)
    CredentialUse.objects.create(credential=f"secret:{secret.pk}", last_used_at=used_at)
    assert f"{used_at:%Y-%m-%d %H:%M}" in body_of(operator, url(RelyingParty, "credentials", cast.billing.pk))


def dump(table: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608
        return str(cursor.fetchall())
