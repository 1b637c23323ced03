"""Issuer.max_client_secret_age in the console."""

from datetime import timedelta

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from issuers.models import Issuer
from relying_parties.models import ClientSecret
from tests.console.forms import act, form_of
from tests.console.pages import act_urls, body_of, url
from tests.support.cast import Cast

HEADING = "Secrets that live longer than their issuer allows"
COUNTED = "secrets that live longer than their issuer allows"


def set_greatest_age(cast: Cast, client: Client, seconds: str) -> None:
    page = url(Issuer, "change", cast.oidc_m2m.pk)
    assert client.post(page, form_of(client, page) | {"max_client_secret_age": seconds}).status_code == 302


def test_lowering_the_age_names_what_lives_longer(cast: Cast, operator: Client, auditor: Client) -> None:
    page, overview = url(Issuer, "change", cast.oidc_m2m.pk), reverse("admin:index")
    assert HEADING not in body_of(operator, page)
    assert COUNTED not in body_of(operator, overview)

    set_greatest_age(cast, operator, "864000")

    for client in (operator, auditor):
        assert HEADING in body_of(client, page)
        assert "first, without an end" in body_of(client, page)
        assert f"3 {COUNTED}" in body_of(client, overview)
        listed = client.get(reverse("admin:tidy", args=["old-secrets"])).context["lines"]
        assert {line["client"].client_id for line in listed} == {"billing", "reports", "retired"}
    assert HEADING not in body_of(operator, url(Issuer, "change", cast.other.pk))


def test_a_secret_gets_the_end_that_the_issuer_allows(cast: Cast, operator: Client) -> None:
    set_greatest_age(cast, operator, "864000")
    newest = ClientSecret.objects.filter(relying_party=cast.billing).latest("pk").pk

    operator.post(act_urls(cast)["generate"], {"newest": newest, "label": "second"})

    secret = ClientSecret.objects.get(label="second")
    assert secret.expires_at == secret.created_at + timedelta(days=10)


def test_a_later_end_is_refused_in_the_form(cast: Cast, operator: Client) -> None:
    set_greatest_age(cast, operator, "864000")
    newest = ClientSecret.objects.filter(relying_party=cast.billing).latest("pk").pk
    later = f"{timezone.now() + timedelta(days=11):%Y-%m-%dT%H:%M:%S}"

    made = operator.post(act_urls(cast)["generate"], {"newest": newest, "expires_at": later})
    moved = act(operator, act_urls(cast)["expiry"], {"expires_at": later})

    for response in (made, moved):
        assert b"At most 864000 seconds after it was made, so 20" in response.content
    assert ClientSecret.objects.get(relying_party=cast.billing).expires_at is None
