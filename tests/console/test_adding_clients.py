"""A client is added on one screen, without JavaScript: its access, and its secret, which is shown once."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from console.clients import access_boxes
from console.clients.add_form import ADDED_MEANWHILE
from issuers.models import Issuer
from relying_parties.models import AccessGrant, ClientSecret, RelyingParty, RequestRule, ResourceServer
from tests.console.forms import act, form_in, form_of
from tests.console.pages import body_of, url
from tests.support.cast import Cast
from tests.support.wire import ask, basic

pytestmark = pytest.mark.contract("P10.36")

ADD = url(RelyingParty, "add")


def filled(operator: Client, cast: Cast, **fields: Any) -> dict[str, Any]:
    """What an operator types and ticks, and no more."""
    boxes = [f"{cast.invoices.pk} invoices.read"]
    return (
        form_of(operator, ADD)
        | {"issuer": cast.oidc_m2m.pk, "name": "Order service", "access": boxes}
        | fields
    )


def test_a_name_and_a_tick_make_a_client_that_gets_tokens_with_the_secret_shown(
    cast: Cast, operator: Client
) -> None:
    answer = operator.post(ADD, filled(operator, cast))
    secret = ClientSecret.objects.get(relying_party__client_id="order-service")
    token = ask(auth=basic("order-service", answer.context["text"]))
    assert (answer.status_code, token.status, token.claims["aud"]) == (200, 200, cast.invoices.identifier)
    assert answer.content.decode().count(answer.context["text"]) == 1
    assert token.json["scope"] == "invoices.read"
    assert secret.relying_party.grants.get().is_default
    year = timezone.now() + timedelta(days=365)
    assert secret.expires_at is not None
    assert abs(secret.expires_at - year) < timedelta(minutes=1)


def test_its_secret_ends_at_the_limit_of_its_issuer(cast: Cast, operator: Client) -> None:
    Issuer.objects.filter(pk=cast.oidc_m2m.pk).update(max_client_secret_age=86_400)
    operator.post(ADD, filled(operator, cast))
    secret = ClientSecret.objects.get(relying_party__client_id="order-service")
    assert secret.expires_at == secret.created_at + timedelta(days=1)


def test_a_client_id_is_made_that_no_client_of_the_issuer_has_or_had(cast: Cast, operator: Client) -> None:
    operator.post(ADD, filled(operator, cast))
    act(
        operator,
        url(RelyingParty, "delete", RelyingParty.objects.get(client_id="order-service").pk),
        {"post": "yes"},
    )
    operator.post(ADD, filled(operator, cast))
    assert RelyingParty.objects.get(name="Order service").client_id == "order-service-2"
    for name, made in (("طلبات", "client"), ("Billing", "billing-2")):
        operator.post(ADD, filled(operator, cast, name=name))
        assert RelyingParty.objects.latest("pk").client_id == made


def test_a_form_that_is_sent_twice_adds_one_client_and_can_be_sent_again(
    cast: Cast, operator: Client
) -> None:
    form = filled(operator, cast)
    operator.post(ADD, form)
    again = operator.post(ADD, form)
    assert ADDED_MEANWHILE in again.content.decode()
    assert RelyingParty.objects.filter(name="Order service").count() == 1
    operator.post(ADD, form_in(again))
    assert RelyingParty.objects.filter(name="Order service").count() == 2


def test_where_there_is_one_issuer_nobody_is_asked(cast: Cast, operator: Client) -> None:
    assert '<select name="issuer"' in body_of(operator, ADD)
    RelyingParty.objects.filter(issuer=cast.other).delete()
    cast.other.signing_keys.all().delete()
    ResourceServer.objects.filter(issuer=cast.other).delete()
    Issuer.objects.filter(pk=cast.other.pk).delete()
    assert f'<input type="hidden" name="issuer" value="{cast.oidc_m2m.pk}"' in body_of(operator, ADD)


def test_an_api_of_another_issuer_is_refused(cast: Cast, operator: Client) -> None:
    api = ResourceServer.objects.create(issuer=cast.other, identifier="https://far.example", scopes=[])
    answer = operator.post(ADD, filled(operator, cast, access=[str(api.pk)]))
    assert answer.context["adminform"].form.errors["access"] == [
        f"https://far.example belongs to another issuer, {cast.other}."
    ]
    assert not RelyingParty.objects.filter(name="Order service").exists()


def test_of_many_apis_those_that_are_sought_and_those_that_are_ticked_are_shown(
    cast: Cast, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_boxes, "MAX_LISTED", 1)
    ResourceServer.objects.create(issuer=cast.oidc_m2m, identifier="https://needle.example", scopes=["sew"])
    before = RelyingParty.objects.count()
    form = filled(operator, cast, find_api="NEEDLE") | {"_find": "Find"}
    shown = operator.post(ADD, form)
    boxes = {
        value
        for value, _ in (
            box for _, group in shown.context["adminform"].form.fields["access"].choices for box in group
        )
    }
    assert {value.partition(" ")[2] for value in boxes} >= {"sew", "invoices.read"}
    assert (RelyingParty.objects.count(), shown.context["errors"]) == (before, [])
    assert 'value="Order service"' in shown.content.decode()
    needle = ResourceServer.objects.get(identifier="https://needle.example")
    sent = form_in(shown) | {"access": [f"{cast.invoices.pk} invoices.read", str(needle.pk)]}
    operator.post(ADD, sent)
    grants = AccessGrant.objects.filter(relying_party__name="Order service")
    assert {(grant.resource_server_id, *grant.scopes) for grant in grants} == {
        (cast.invoices.pk, "invoices.read"), (needle.pk,),
    }  # fmt: skip
    assert grants.filter(is_default=True).count() == 1


def test_a_workload_is_led_to_the_presets_and_a_key_to_its_page(cast: Cast, operator: Client) -> None:
    cast.oidc_m2m.token_endpoint_auth_methods = ["federated_jwt", "private_key_jwt"]
    cast.oidc_m2m.save()
    answer = operator.post(ADD, filled(operator, cast, token_endpoint_auth_method="federated_jwt"))
    made = RelyingParty.objects.get(name="Order service")
    assert answer["Location"] == url(RelyingParty, "presets", made.pk)
    keyless = filled(operator, cast, name="Robot", token_endpoint_auth_method="private_key_jwt")
    assert b"needs its public keys" in operator.post(ADD, keyless).content
    answer = operator.post(ADD, keyless | {"client_jwks_uri": "https://robot.example/jwks"})
    assert answer["Location"] == url(RelyingParty, "change", RelyingParty.objects.get(name="Robot").pk)
    assert not ClientSecret.objects.filter(relying_party__name__in=["Robot", "Order service"]).exists()


def test_a_duplicate_has_access_and_rules_but_no_credential(cast: Cast, operator: Client) -> None:
    source = cast.billing
    RequestRule(relying_party=source, parameter="env", regex="prod", message="Which?").save()
    source.requests_per_minute, source.allowed_networks, source.contact = 60, ["192.0.2.0/24"], "Payments"
    source.client_jwks_uri = "https://billing.example/jwks"
    source.save()
    page = f"{ADD}?duplicate_of={source.pk}"
    form = form_of(operator, page)
    assert (form.get("client_id"), form["client_jwks_uri"], form["name"]) == (None, "", "Copy of Billing")
    answer = operator.post(page, form | {"name": "Second"})
    made = RelyingParty.objects.get(client_id="second")
    kept = (made.requests_per_minute, made.allowed_networks, made.contact, made.client_jwks_uri)
    assert kept == (60, ["192.0.2.0/24"], "Payments", "")
    columns = ("resource_server", "scopes", "is_default")
    assert sorted(map(str, made.grants.values_list(*columns))) == sorted(
        map(str, source.grants.values_list(*columns))
    )
    assert list(made.rules.values_list("parameter", "regex", "message")) == [("env", "prod", "Which?")]
    assert ask({"env": "prod"}, auth=basic("second", answer.context["text"])).status == 200
    assert made.secrets.count() == 1


@pytest.mark.parametrize("key", ["x", "0", "9" * 30, "%00"])
def test_a_duplicate_of_nobody_is_an_empty_form(cast: Cast, operator: Client, key: str) -> None:
    form = form_of(operator, f"{ADD}?duplicate_of={key}")
    assert ("name" in form, form["token_endpoint_auth_method"]) == (False, "client_secret_basic")
