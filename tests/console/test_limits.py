"""What bounds a relying party: its quota, and the greatest TTL of its issuer."""

from typing import Any

from django.test import Client

from issuers.models import Issuer
from relying_parties.models import RelyingParty
from tests.console.forms import form_of
from tests.console.pages import page_with
from tests.support.cast import Cast


def changed(client: Client, model: Any, row: Any, **fields: Any) -> Any:
    page = page_with(row, *fields)
    return client.post(page, form_of(client, page) | fields)


def errors_of(response: Any) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = response.context["adminform"].form.errors
    return errors


def test_a_quota_is_set_and_taken_away(cast: Cast, operator: Client) -> None:
    for sent, stored in (("60", 60), ("", None)):
        assert changed(operator, RelyingParty, cast.billing, requests_per_minute=sent).status_code == 302
        cast.billing.refresh_from_db()
        assert cast.billing.requests_per_minute == stored


def test_a_quota_of_nothing_is_refused(cast: Cast, operator: Client) -> None:
    response = changed(operator, RelyingParty, cast.billing, requests_per_minute="0")
    assert errors_of(response) == {
        "requests_per_minute": ["Ensure this value is greater than or equal to 1."]
    }


def test_a_ttl_above_the_issuers_greatest_is_refused(cast: Cast, operator: Client) -> None:
    assert changed(operator, RelyingParty, cast.billing, access_token_ttl="86400").status_code == 302
    response = changed(operator, RelyingParty, cast.billing, access_token_ttl="86401")
    assert errors_of(response) == {
        "access_token_ttl": ["Its TTL of 86401 seconds is more than the issuer's greatest, 86400."]
    }


def test_an_issuers_greatest_ttl_cannot_sink_below_a_relying_partys(cast: Cast, operator: Client) -> None:
    lower = {"default_access_token_ttl": "299", "max_access_token_ttl": "299"}
    response = changed(operator, Issuer, cast.oidc_m2m, **lower)
    assert response.context["adminform"].form.non_field_errors() == [
        "reports: its TTL of 300 seconds is more than the issuer's greatest, 299."
    ]


def test_an_issuers_default_ttl_is_at_most_its_greatest(cast: Cast, operator: Client) -> None:
    response = changed(operator, Issuer, cast.oidc_m2m, default_access_token_ttl="86401")
    assert errors_of(response)["default_access_token_ttl"] == ["At most the greatest TTL, 86400 seconds."]
