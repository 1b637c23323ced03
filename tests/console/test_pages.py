"""What operators see: first steps, warnings, previews, histories, and fields that keep what was typed."""

import json
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from console.admin_base.fields.values import Json, Lines
from console.clients.curl_command import curl_command, what_it_needs
from issuers.models import Issuer, SigningAlg
from issuers.versioning.history import Source
from keys.models import SigningKey
from relying_parties.models import AccessGrant, ClaimTemplate, RelyingParty, RequestRule
from relying_parties.secrets.credentials import add_chosen_secret
from tests.console.forms import form_of
from tests.console.pages import body_of, url
from tests.support.cast import Cast, new_issuer


def test_the_overview_warns_of_an_issuer_without_a_key(cast: Cast, operator: Client) -> None:
    Issuer.objects.create(path="keyless", name="Keyless")
    assert "no active RS256 key: it cannot issue" in body_of(operator, "/admin/")


@pytest.mark.parametrize("page", ["/admin/", "/admin/issuers/issuer/"])
def test_more_issuers_cost_no_more_queries(
    cast: Cast, operator: Client, page: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with CaptureQueriesContext(connection) as before:
        operator.get(page)
    for number in range(5):
        new_issuer(f"issuer-{number}", f"Issuer {number}", SigningAlg.ES256)
    with django_assert_max_num_queries(len(before)):
        assert "Issuer 4" in body_of(operator, page)


def test_the_list_of_issuers_tells_which_can_sign(cast: Cast, operator: Client) -> None:
    now = timezone.now()
    new_issuer("keyless", "Keyless", SigningAlg.RS256)
    page = url(Issuer, "changelist")
    signs = {issuer.path: issuer.can_sign for issuer in operator.get(page).context["cl"].result_list}
    assert signs == {"oidc_m2m": True, "other": True, "keyless": False}
    SigningKey.objects.filter(pk=cast.key.pk).update(retires_at=now, expires_at=now)
    SigningKey.objects.filter(pk=cast.other_key.pk).update(revoked_at=now)
    signs = {issuer.path: issuer.can_sign for issuer in operator.get(page).context["cl"].result_list}
    assert signs == {"oidc_m2m": False, "other": False, "keyless": False}


def test_the_overview_names_the_secrets_that_a_person_chose(cast: Cast, operator: Client) -> None:
    add_chosen_secret(relying_party=cast.reports, text="secret", label="demo")
    assert "1 secret that a person chose" in body_of(operator, "/admin/")
    page = body_of(operator, reverse("admin:tidy", args=["chosen-secrets"]))
    assert "Secrets that a person chose" in page
    assert "<td>demo</td>" in page


def test_of_two_keys_made_at_once_one_is_refused(
    cast: Cast, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SigningKey, "full_clean", lambda _key: None)  # As the loser of the race sees it.
    page = url(Issuer, "create_key", cast.oidc_m2m.pk, "RS256")
    answer = operator.post(page, follow=True)
    assert "Another RS256 key was made at this moment." in answer.content.decode()
    assert SigningKey.objects.filter(issuer=cast.oidc_m2m, alg="RS256").count() == 1


def test_the_overview_leads_a_new_operator(cast: Cast, operator: Client, auditor: Client) -> None:
    assert "First steps" not in body_of(operator, "/admin/")
    AccessGrant.objects.all().delete()
    assert "First steps" in body_of(operator, "/admin/")
    assert "First steps" not in body_of(auditor, "/admin/")


def test_a_new_issuer_needs_a_name_and_a_path_only(cast: Cast, operator: Client) -> None:
    page = url(Issuer, "add")
    operator.post(page, form_of(operator, page) | {"name": "Shop", "path": "shop"})
    made = Issuer.objects.get(path="shop")
    assert made.token_endpoint_auth_methods == ["client_secret_basic", "client_secret_post"]


def test_the_page_of_an_issuer_offers_the_keys_that_it_lacks(cast: Cast, operator: Client) -> None:
    page = body_of(operator, url(Issuer, "change", cast.oidc_m2m.pk))
    assert "Create ES256 key" in page
    assert "Create RS256 key" not in page


def test_the_page_of_an_issuer_offers_nothing_to_an_auditor(cast: Cast, auditor: Client) -> None:
    assert "Create ES256 key" not in body_of(auditor, url(Issuer, "change", cast.oidc_m2m.pk))


def test_the_page_of_a_relying_party_shows_its_claims(cast: Cast, auditor: Client) -> None:
    page = body_of(auditor, url(RelyingParty, "claims", cast.reports.pk))
    assert "&quot;your_claim&quot;: &quot;value&quot;" in page


def test_the_page_of_a_template_shows_the_claims_of_those_that_use_it(cast: Cast, auditor: Client) -> None:
    page = body_of(auditor, url(ClaimTemplate, "change", cast.seed_template.pk))
    assert "&quot;sub&quot;: &quot;reports&quot;" in page


def test_a_preview_tells_why_there_would_be_no_token(cast: Cast, auditor: Client) -> None:
    page = url(RelyingParty, "preview", cast.billing.pk)
    assert "invalid_scope: No single API grants YourScope" in body_of(
        auditor, f"{page}?address=192.0.2.7&scope=YourScope"
    )


def test_a_preview_shows_no_token_of_a_client_that_is_misconfigured(cast: Cast, auditor: Client) -> None:
    page = f"{url(RelyingParty, 'preview', cast.billing.pk)}?address=192.0.2.7"
    assert "<figcaption>Claims</figcaption>" in body_of(auditor, page)
    RelyingParty.objects.filter(pk=cast.billing.pk).update(allowed_networks=["10.0.0.300", "192.0.2.0/24"])
    body = body_of(auditor, page)
    assert "temporarily_unavailable: " in body
    assert "<figcaption>Claims</figcaption>" not in body


def test_a_preview_takes_the_parameters_that_the_template_reads(cast: Cast, auditor: Client) -> None:
    cast.seed_template.claims |= {"env": "${request.param_env}"}
    cast.seed_template.save()
    page = url(RelyingParty, "preview", cast.reports.pk)
    assert "&quot;env&quot;: &quot;test&quot;" in body_of(auditor, f"{page}?address=192.0.2.7&param_env=test")


def test_the_page_shows_the_token_of_a_request_that_meets_its_rules(cast: Cast, operator: Client) -> None:
    RequestRule(relying_party=cast.billing, parameter="env", regex="prod|test", message="Which?").save()
    claims, credentials = (
        body_of(operator, url(RelyingParty, tab, cast.billing.pk)) for tab in ("claims", "credentials")
    )
    assert "&quot;sub&quot;: &quot;billing&quot;" in claims
    assert "--data-urlencode env=ENV" in credentials


def test_the_history_tells_who_changed_what_from_what_to_what(cast: Cast, operator: Client) -> None:
    page = url(RelyingParty, "change", cast.billing.pk)
    operator.post(page, form_of(operator, page) | {"contact": "Payments"})
    (change, *_) = operator.get(url(RelyingParty, "history", cast.billing.pk)).context["changes"]
    assert (change.actor, change.source, change.kind) == ("olga", Source.ADMIN.label, "Changed")
    assert [(field.name, field.before, field.after) for field in change.fields] == [
        ("contact", "", "Payments")
    ]


def test_the_history_of_a_relying_party_holds_that_of_its_secrets(cast: Cast, auditor: Client) -> None:
    changes = auditor.get(url(RelyingParty, "history", cast.billing.pk)).context["changes"]
    assert "client secret first" in {change.what for change in changes}


def test_the_history_masks_a_secret_in_a_text(cast: Cast, auditor: Client) -> None:
    cast.billing.description = cast.secrets["billing"]
    cast.billing.save()
    page = body_of(auditor, url(RelyingParty, "history", cast.billing.pk))
    assert cast.secrets["billing"] not in page
    assert "[secret]" in page


def test_a_key_has_a_history_too(cast: Cast, auditor: Client) -> None:
    assert "Created: signing key" in body_of(auditor, url(SigningKey, "history", cast.key.pk))


@pytest.mark.parametrize(
    ("method", "proof"),
    [
        ("client_secret_basic", '-u billing:"$CLIENT_SECRET"'),
        (
            "client_secret_post",
            '--data-urlencode client_id=billing \\\n  --data-urlencode client_secret="$CLIENT_SECRET"',
        ),
    ],
)
def test_the_command_fits_the_method(cast: Cast, method: str, proof: str) -> None:
    cast.billing.token_endpoint_auth_method = method
    assert proof in curl_command(cast.billing)


@pytest.mark.parametrize(
    ("method", "proof", "need"),
    [
        (
            "private_key_jwt",
            '--data-urlencode client_assertion="$CLIENT_ASSERTION"',
            "a jti that no other has",
        ),
        ("federated_jwt", '--data-urlencode client_assertion="$CLIENT_ASSERTION"', "that the platform gives"),
        ("tls_client_auth", "--cert client.crt --key client.key", "in PEM"),
        ("self_signed_tls_client_auth", "--cert client.crt --key client.key", "in PEM"),
    ],
)
def test_the_command_without_a_secret_tells_what_it_needs(
    cast: Cast, method: str, proof: str, need: str
) -> None:
    cast.billing.token_endpoint_auth_method = method
    command = curl_command(cast.billing)
    assert proof in command
    assert "--data-urlencode client_id=billing" in command
    assert "CLIENT_SECRET" not in command
    (told,) = what_it_needs(cast.billing)
    assert need in told


def test_the_command_binds_the_token_as_registered(cast: Cast) -> None:
    cast.billing.dpop_bound_access_tokens = True
    cast.billing.tls_client_certificate_bound_access_tokens = True
    command = curl_command(cast.billing)
    assert '-H "DPoP: $DPOP_PROOF"' in command
    assert "--cert client.crt --key client.key" in command
    assert len(what_it_needs(cast.billing)) == 2


def test_the_command_of_an_odd_client_id_is_safe_in_a_shell(cast: Cast) -> None:
    cast.billing.client_id = "a:b;$(id)'"
    assert "-u a%3Ab%3B%24%28id%29%27:" in curl_command(cast.billing)


def test_the_command_names_a_resource_where_there_is_no_default(cast: Cast) -> None:
    AccessGrant.objects.filter(relying_party=cast.billing).update(is_default=False)
    assert "--data-urlencode resource=https://invoices.example" in curl_command(cast.billing)


def test_wrong_json_stays_in_the_form_with_its_place(cast: Cast, operator: Client) -> None:
    page = url(ClaimTemplate, "change", cast.seed_template.pk)
    response = operator.post(page, form_of(operator, page) | {"claims": '{"sub": "x",\n "bad" }'})
    assert response.context["adminform"].form.errors["claims"] == [
        "Not JSON. Line 2, column 8: Expecting ':' delimiter."
    ]
    assert "&quot;bad&quot; }" in response.content.decode()


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 2}',
        "NaN",
        "[1e400]",
        '"\\u0000"',
        '"\\ud800"',
        "[" * 100_000,
        "9" * 5_000,
        "",
        "{'a': 1}",
    ],
)
def test_json_that_a_database_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        Json().clean(text)


@pytest.mark.parametrize("value", [{"a": [1, 2.5, None, True]}, [], "text", "a\\u0000 in letters", "é"])
def test_json_that_it_can_hold_is_kept(value: Any) -> None:
    assert Json().to_python(json.dumps(value)) == value


def test_lines_become_a_list() -> None:
    assert Lines().clean(" a \r\n\r\nb\n") == ["a", "b"]
    assert not Lines().has_changed(["a", "b"], "a\nb")
    assert Lines().prepare_value(["a", "b"]) == "a\nb"
