"""The page of an API says who may call it, and how it verifies its tokens."""

import re
from pathlib import Path

import pytest
from django.test import Client
from django.utils.html import escape

from console.apis import api_tabs
from relying_parties.models import RelyingParty, ResourceServer
from tests.console.forms import act
from tests.console.pages import body_of, url
from tests.support.cast import INVOICES, Cast, new_grant
from tests.support.wire import ask, last_event

GUIDE = (Path(__file__).parents[2] / "docs" / "verify.md").read_text()


def text_of(client: Client, page: str) -> str:
    return " ".join(body_of(client, page).split())


def test_the_overview_counts_the_clients_of_each_scope(cast: Cast, operator: Client) -> None:
    new_grant(cast.reports, cast.invoices, ["invoices.read"])
    answer = operator.get(url(ResourceServer, "change", cast.invoices.pk))
    assert answer.context["uses"] == {
        "clients": "3 clients",
        "scopes": [("invoices.read", 3), ("invoices.write", 1)],
    }
    for name in ("access", "verify"):
        assert url(ResourceServer, name, cast.invoices.pk) in answer.content.decode()


def test_who_has_access_is_listed_with_its_last_token_and_can_lose_it(cast: Cast, operator: Client) -> None:
    grant = new_grant(cast.reports, cast.invoices, ["invoices.read"])
    page = url(ResourceServer, "access", cast.invoices.pk)
    ask({"resource": INVOICES}, auth=cast.basic("billing"))
    holders = operator.get(page).context["holders"]
    assert [(holder.grant.relying_party.client_id, holder.last) for holder in holders] == [
        ("billing", last_event().at), ("reports", None), ("retired", None),
    ]  # fmt: skip
    remove = f"/admin/relying_parties/accessgrant/{grant.pk}/delete/"
    assert f'href="{remove}" aria-label="Remove the access of Reports"' in text_of(operator, page)
    act(operator, remove, {"post": "yes"})
    left = operator.get(page).context["holders"]
    assert [holder.grant.relying_party.client_id for holder in left] == ["billing", "retired"]


def test_many_clients_are_shown_in_pages(
    cast: Cast, auditor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_tabs, "PER_PAGE", 1)
    new_grant(cast.reports, cast.invoices, [])
    page = url(ResourceServer, "access", cast.invoices.pk)
    shown = [
        auditor.get(page + asked).context["holders"][0].grant.relying_party.client_id
        for asked in ("", "?page=2", "?page=x", "?page=9999999999")
    ]
    assert shown == ["billing", "reports", "billing", "retired"]
    assert ">Remove</a>" not in body_of(auditor, page)


@pytest.mark.parametrize("language", ["python", "js"])
def test_the_programs_are_those_of_the_guide(cast: Cast, auditor: Client, language: str) -> None:
    (program,) = re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    assert escape(program) in body_of(auditor, url(ResourceServer, "verify", cast.invoices.pk))


def test_what_to_check_is_what_a_token_has(cast: Cast, auditor: Client) -> None:
    RelyingParty.objects.filter(pk=cast.billing.pk).update(signing_alg="ES256")
    page = text_of(auditor, url(ResourceServer, "verify", cast.invoices.pk))
    for fact in (cast.oidc_m2m.url, f"{cast.oidc_m2m.url}/jwks", INVOICES, "RS256", "ES256", "at+jwt"):
        assert f"<code>{fact}</code>" in page
    assert escape('algorithms=["RS256", "ES256"]') in page
    spring = (
        f"jwt.issuer-uri={cast.oidc_m2m.url} spring.security.oauth2.resourceserver.jwt.audiences={INVOICES}"
    )
    assert spring in page
    assert "id.example" not in page
    assert "api.example" not in page
