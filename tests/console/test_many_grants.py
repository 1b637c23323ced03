"""A client with hundreds of grants or rules can be saved, changed and disabled, whatever one form can hold."""

import re
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from console.clients.tabs.many_parts import MAX_PARTS
from relying_parties.models import AccessGrant, RelyingParty, RequestRule, ResourceServer
from tests.console.forms import act, form_of
from tests.console.pages import body_of, url
from tests.support.cast import INVOICES, Cast, new_grant
from tests.support.wire import ask, last_event

pytestmark = pytest.mark.contract("P10.14")

MANY = 500
LISTED = 50


def grant_many(relying_party: RelyingParty, count: int) -> None:
    servers = [
        ResourceServer(
            issuer=relying_party.issuer, identifier=f"https://api-{number:03}.example", scopes=["read"]
        )
        for number in range(count)
    ]
    ResourceServer.objects.bulk_create(servers)
    AccessGrant.objects.bulk_create(
        AccessGrant(relying_party=relying_party, resource_server=server, scopes=["read"])
        for server in ResourceServer.objects.filter(identifier__startswith="https://api-")
    )


@pytest.fixture
def many(cast: Cast) -> Cast:
    grant_many(cast.billing, MANY)
    return cast


def page_of(relying_party: RelyingParty, tab: str = "change") -> str:
    return url(RelyingParty, tab, relying_party.pk)


def grants_page(relying_party: RelyingParty, **more: Any) -> str:
    query = "".join(f"&{name}={value}" for name, value in more.items())
    return f"{url(AccessGrant, 'changelist')}?relying_party={relying_party.pk}{query}"


@pytest.mark.slow
def test_a_client_with_500_grants_is_saved_and_keeps_them(many: Cast, operator: Client) -> None:
    page = page_of(many.billing)
    form = form_of(operator, page) | {"contact": "team-billing"}
    assert len(form) < 100
    assert operator.post(page, form).status_code == 302
    many.billing.refresh_from_db()
    assert many.billing.contact == "team-billing"
    assert many.billing.grants.count() == MANY + 3
    assert ask({"resource": "https://api-499.example"}, auth=many.basic("billing")).status == 200


@pytest.mark.parametrize("count", [MAX_PARTS - 3, MAX_PARTS - 2])
def test_at_the_edge_every_form_that_is_shown_can_be_sent(cast: Cast, operator: Client, count: int) -> None:
    grant_many(cast.billing, count)
    RequestRule.objects.bulk_create(
        RequestRule(relying_party=cast.billing, parameter=f"p{number}", regex=".*", message="any")
        for number in range(MAX_PARTS)
    )
    limit: int = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS or 1_000
    for tab in ("access", "restrictions"):
        page = page_of(cast.billing, tab)
        form = form_of(operator, page)
        assert len(form) + MAX_PARTS < limit
        assert operator.post(page, form).status_code == 302
    assert (cast.billing.grants.count(), cast.billing.rules.count()) == (count + 3, MAX_PARTS)


@pytest.mark.slow
def test_a_form_that_was_made_when_there_were_fewer_is_not_passed_over(cast: Cast, operator: Client) -> None:
    page = page_of(cast.billing, "access")
    form = form_of(operator, page)
    row = next(name for name, value in form.items() if value == ["invoices.read"])
    form[row] = []
    pk = form[row.replace("-scopes", "-id")]
    grant_many(cast.billing, MANY)
    assert operator.post(page, form).status_code == 409
    assert AccessGrant.objects.get(pk=pk).scopes == ["invoices.read"]
    assert cast.billing.grants.count() == MANY + 3


def test_its_page_leads_to_a_list_of_its_own_grants_in_pages(many: Cast, operator: Client) -> None:
    body = body_of(operator, page_of(many.billing, "access"))
    assert f'<a href="{grants_page(many.billing)}">{MANY + 3} access grants</a>' in body
    assert "grants-TOTAL_FORMS" not in body
    first = body_of(operator, grants_page(many.billing))
    assert len(re.findall(r'<th data-label="API" class="field-resource_server', first)) == LISTED
    last = body_of(operator, grants_page(many.billing, p=(MANY + 3) // LISTED + 1))
    assert len(re.findall(r'<th data-label="API" class="field-resource_server', last)) == (MANY + 3) % LISTED
    assert ">Reports</a>" not in first


def test_a_list_of_no_such_client_is_empty(many: Cast, operator: Client) -> None:
    for value in ("x", "0", "9" * 30, "-1", "%00"):
        page = operator.get(f"{url(AccessGrant, 'changelist')}?relying_party={value}")
        assert page.status_code in (200, 302)
        if page.status_code == 200:
            assert page.context["cl"].result_count == 0


def test_one_grant_is_changed_by_a_form_of_its_own(many: Cast, operator: Client) -> None:
    grant = AccessGrant.objects.get(
        relying_party=many.billing, resource_server__identifier="https://api-007.example"
    )
    page = url(AccessGrant, "change", grant.pk)
    assert operator.post(page, form_of(operator, page) | {"is_default": "on"}).status_code == 302
    token = ask(auth=many.basic("billing"))
    assert token.claims["aud"] == "https://api-007.example"
    assert many.billing.grants.filter(is_default=True).count() == 1
    assert act(operator, url(AccessGrant, "delete", grant.pk), {"post": "yes"}).status_code == 302
    assert ask(auth=many.basic("billing")).json["error"] == "invalid_target"


def test_another_grant_is_added_there_and_one_that_does_not_fit_is_refused(
    many: Cast, operator: Client
) -> None:
    server = ResourceServer.objects.create(
        issuer=many.oidc_m2m, identifier="https://new.example", scopes=["a"]
    )
    page = f"{url(AccessGrant, 'add')}?relying_party={many.billing.pk}"
    form = form_of(operator, page) | {"resource_server": server.pk, "scopes": "b"}
    assert form["relying_party"] == str(many.billing.pk)
    assert b"does not know b." in operator.post(page, form).content
    assert operator.post(page, form | {"scopes": "a"}).status_code == 302
    assert ask({"resource": "https://new.example"}, auth=many.basic("billing")).status == 200


def test_a_template_s_audience_keeps_its_grant(cast: Cast, operator: Client) -> None:
    """As in the client's own form: what a claim template names must stay granted."""
    grant = AccessGrant.objects.get(relying_party=cast.reports)
    act(operator, url(AccessGrant, "delete", grant.pk), {"post": "yes"})
    assert AccessGrant.objects.filter(pk=grant.pk).exists()


def test_hundreds_of_rules_have_a_page_of_their_own_too(cast: Cast, operator: Client) -> None:
    RequestRule.objects.bulk_create(
        RequestRule(relying_party=cast.billing, parameter=f"p{number}", regex=".*", message="any")
        for number in range(MANY)
    )
    page = page_of(cast.billing, "restrictions")
    assert operator.post(page, form_of(operator, page) | {"requests_per_minute": "90"}).status_code == 302
    rule = RequestRule.objects.get(parameter="p499")
    assert f"{MANY} request rules</a>" in body_of(operator, page)
    own = url(RequestRule, "change", rule.pk)
    assert operator.post(own, form_of(operator, own) | {"regex": "prod"}).status_code == 302
    assert ask({"p499": "test"}, auth=cast.basic("billing")).status == 400


@pytest.mark.slow
def test_it_can_be_disabled_and_enabled_without_its_form(many: Cast, operator: Client) -> None:
    answer = act(
        operator, url(RelyingParty, "disable", many.billing.pk), {"reason": "leak, INC-42"}, follow=True
    )
    assert ask(auth=many.basic("billing")).status == 401
    assert last_event().detail.startswith("The client is not active.")
    assert "Enable it again</a>" in answer.content.decode()
    body = body_of(operator, page_of(many.billing))
    assert "Refused now: it was disabled by olga on" in body
    assert "UTC (leak, INC-42)" in body
    assert "leak, INC-42" in body_of(operator, url(RelyingParty, "history", many.billing.pk))
    act(operator, url(RelyingParty, "enable", many.billing.pk), {"reason": ""})
    assert ask(auth=many.basic("billing")).status == 200


def test_nothing_is_switched_by_a_get(cast: Cast, operator: Client) -> None:
    for switch in ("disable", "enable"):
        assert operator.get(url(RelyingParty, switch, cast.billing.pk)).status_code == 200
        assert operator.get(url(RelyingParty, switch, cast.retired.pk)).status_code == 200
    assert RelyingParty.objects.get(pk=cast.billing.pk).is_active
    assert not RelyingParty.objects.get(pk=cast.retired.pk).is_active


def test_a_client_that_does_not_fit_any_more_can_be_disabled(cast: Cast, operator: Client) -> None:
    """Its form would be refused until it fits."""
    AccessGrant.objects.filter(relying_party=cast.reports).update(scopes=[1])
    RelyingParty.objects.filter(pk=cast.reports.pk).update(allowed_networks=5)
    act(operator, url(RelyingParty, "disable", cast.reports.pk))
    assert not RelyingParty.objects.get(pk=cast.reports.pk).is_active


def test_disabling_writes_nothing_else_of_the_client(cast: Cast, operator: Client) -> None:
    act(
        operator,
        url(RelyingParty, "disable", cast.billing.pk),
        {"reason": "x", "name": "Other", "contact": "y"},
    )
    row = RelyingParty.objects.get(pk=cast.billing.pk)
    assert (row.name, row.contact, row.is_active) == ("Billing", "", False)
    act(operator, url(RelyingParty, "disable", cast.billing.pk), {"reason": "again"})
    assert [record.history_change_reason for record in row.history.all()[:2]] == ["x", None]


def test_the_grant_of_a_small_client_stays_in_its_form(cast: Cast, operator: Client) -> None:
    new_grant(cast.reports, cast.invoices, ["invoices.read"])
    assert "grants-TOTAL_FORMS" in form_of(operator, page_of(cast.reports, "access"))
    assert ask({**cast.in_body("reports")}).status == 200
    assert INVOICES in body_of(operator, page_of(cast.billing))
