"""A change that would leave a relying party unserved is refused whole, and what was typed stays."""

import json
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from issuers.models import ConfigurationRevision, GlobalVariable, Issuer
from relying_parties.models import AccessGrant, ClaimTemplate, RelyingParty, ResourceServer
from tests.console.forms import act, delete_selected, form_of
from tests.console.pages import page_with, url
from tests.support.cast import YOUR_APPLICATION, Cast


def use_the_region(cast: Cast) -> GlobalVariable:
    """`reports` says its region from now on."""
    cast.seed_template.claims = {"aud": YOUR_APPLICATION, "region": "${globals.region}"}
    cast.seed_template.save()
    return GlobalVariable.objects.get(name="region")


def changed(client: Client, model: Any, row: Any, **fields: Any) -> Any:
    page = page_with(row, *fields)
    return client.post(page, form_of(client, page) | fields)


def messages_of(response: Any) -> str:
    return " ".join(str(message) for message in response.context["messages"])


def test_a_page_saved_as_it_stands_is_accepted(cast: Cast, operator: Client) -> None:
    for model, row in (
        (Issuer, cast.oidc_m2m),
        (RelyingParty, cast.billing),
        (ResourceServer, cast.invoices),
        (ClaimTemplate, cast.seed_template),
        (GlobalVariable, GlobalVariable.objects.get()),
    ):
        assert changed(operator, model, row).status_code == 302, model


def test_a_template_that_a_user_of_it_cannot_fill_is_refused(cast: Cast, operator: Client) -> None:
    claims = json.dumps({"aud": YOUR_APPLICATION, "team": "${globals.team}"})
    response = changed(operator, ClaimTemplate, cast.seed_template, claims=claims, description="typed")
    (problem,) = response.context["adminform"].form.non_field_errors()
    assert problem == (
        "reports: its claim template seed uses ${globals.team}, which is not defined for this issuer."
    )
    assert "${globals.team}" in response.content.decode()
    assert "typed" in response.content.decode()


def test_a_refused_change_leaves_nothing(cast: Cast, operator: Client) -> None:
    before = ConfigurationRevision.objects.get().number
    changed(operator, ResourceServer, cast.your_application, scopes="Other")
    assert ResourceServer.objects.get(pk=cast.your_application.pk).scopes == ["YourScope", "invoices.read"]
    assert (ConfigurationRevision.objects.get().number, LogEntry.objects.count()) == (before, 0)
    assert cast.your_application.history.count() == 1


def test_a_scope_that_is_granted_cannot_be_taken_away(cast: Cast, operator: Client) -> None:
    response = changed(operator, ResourceServer, cast.your_application, scopes="YourScope")
    assert "billing: its grant for your_application has scopes not known there: invoices.read." in (
        response.content.decode()
    )


def test_the_grant_of_the_templates_audience_cannot_be_deleted(cast: Cast, operator: Client) -> None:
    response = changed(operator, RelyingParty, cast.reports, **{"grants-0-DELETE": "on"})
    assert "aud in its claim template is your_application, for which it has no access grant" in (
        response.content.decode()
    )
    assert cast.reports.grants.count() == 1


def test_an_issuer_cannot_switch_off_a_method_in_use(cast: Cast, operator: Client) -> None:
    response = changed(operator, Issuer, cast.oidc_m2m, token_endpoint_auth_methods=["client_secret_basic"])
    told = "reports: its method client_secret_post is off at M2M, where these are on: client_secret_basic."
    assert told in response.content.decode()


def test_an_issuer_cannot_sign_with_an_algorithm_without_a_key(cast: Cast, operator: Client) -> None:
    response = changed(operator, Issuer, cast.oidc_m2m, signing_alg="ES256")
    assert "M2M has no active ES256 key." in response.content.decode()


def test_a_variable_in_use_cannot_be_deleted(cast: Cast, operator: Client) -> None:
    variable = use_the_region(cast)
    response = act(operator, url(GlobalVariable, "delete", variable.pk), {"post": "yes"}, follow=True)
    assert "Nothing was deleted." in messages_of(response)
    assert "reports: its claim template seed uses ${globals.region}" in messages_of(response)
    assert GlobalVariable.objects.filter(pk=variable.pk).exists()
    assert not LogEntry.objects.exists()


def test_a_variable_in_use_cannot_be_deleted_from_the_list(cast: Cast, operator: Client) -> None:
    variable = use_the_region(cast)
    response = delete_selected(operator, url(GlobalVariable, "changelist"), variable.pk, follow=True)
    assert "Nothing was deleted." in messages_of(response)
    assert GlobalVariable.objects.filter(pk=variable.pk).exists()
    assert not LogEntry.objects.exists()


def test_a_variable_that_nobody_uses_is_deleted(cast: Cast, operator: Client) -> None:
    act(operator, url(GlobalVariable, "delete", GlobalVariable.objects.get().pk), {"post": "yes"})
    assert not GlobalVariable.objects.exists()


def test_a_shared_variable_stands_in_for_an_issuers_own(cast: Cast, operator: Client) -> None:
    variable = use_the_region(cast)
    GlobalVariable.objects.create(name="region", value="everywhere")
    act(operator, url(GlobalVariable, "delete", variable.pk), {"post": "yes"})
    assert not GlobalVariable.objects.filter(pk=variable.pk).exists()


def test_a_resource_server_with_grants_is_protected(cast: Cast, operator: Client) -> None:
    response = act(operator, url(ResourceServer, "delete", cast.invoices.pk), {"post": "yes"})
    assert b"would require deleting the following protected related objects" in response.content
    assert ResourceServer.objects.filter(pk=cast.invoices.pk).exists()


def test_the_default_grant_moves_in_one_save(cast: Cast, operator: Client) -> None:
    page = url(RelyingParty, "access", cast.billing.pk)
    form = form_of(operator, page)
    rows = {
        name.removesuffix("-id"): form[name] for name in form if name.endswith("-id") and "grants-" in name
    }
    old = next(row for row in rows if f"{row}-is_default" in form)
    new = next(row for row in rows if row != old)
    del form[f"{old}-is_default"]
    assert operator.post(page, form | {f"{new}-is_default": "on"}).status_code == 302
    assert AccessGrant.objects.get(relying_party=cast.billing, is_default=True).pk == rows[new]


def test_two_default_grants_are_refused(cast: Cast, operator: Client) -> None:
    response = changed(
        operator, RelyingParty, cast.billing, **{f"grants-{n}-is_default": "on" for n in range(3)}
    )
    assert "Only one grant can be the default." in response.content.decode()


def test_a_relying_party_is_made_with_its_grants(cast: Cast, operator: Client) -> None:
    page = reverse("admin:relying_parties_relyingparty_add")
    response = operator.post(page, new_relying_party(operator, cast, scopes="invoices.read"))
    assert response.status_code == 200
    assert AccessGrant.objects.get(relying_party__client_id="fresh").scopes == ["invoices.read"]


def test_a_new_relying_party_gets_no_scope_that_is_not_there(cast: Cast, operator: Client) -> None:
    page = reverse("admin:relying_parties_relyingparty_add")
    response = operator.post(page, new_relying_party(operator, cast, scopes="made.up"))
    assert "made.up is not one of the available choices." in response.content.decode()
    assert not RelyingParty.objects.filter(client_id="fresh").exists()


@pytest.mark.parametrize("field", ["issuer", "client_id"])
def test_the_identity_of_a_relying_party_stays(cast: Cast, operator: Client, field: str) -> None:
    changed(operator, RelyingParty, cast.billing, issuer=cast.other.pk, client_id="another")
    assert getattr(RelyingParty.objects.get(pk=cast.billing.pk), field) == getattr(cast.billing, field)


def new_relying_party(client: Client, cast: Cast, *, scopes: str) -> dict[str, Any]:
    form = form_of(client, reverse("admin:relying_parties_relyingparty_add"))
    return form | {
        "issuer": cast.oidc_m2m.pk,
        "client_id": "fresh",
        "name": "Fresh",
        "access": [f"{cast.invoices.pk} {scopes}"],
    }


@pytest.mark.parametrize("text", ['{"a": "\\ud800"}', '{"a": "\\u0000"}', '{"a": 1e400}', "{", ""])
def test_json_that_is_refused_stands_there_as_it_was_typed(cast: Cast, operator: Client, text: str) -> None:
    response = changed(operator, ClaimTemplate, cast.seed_template, claims=text, headers='{"typ": 5}')
    assert response.status_code == 200
    assert response.context["adminform"].form["claims"].value() == text
