"""The identifier of a granted API is in every token's aud: nothing changes it by the way."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from audit.models import HourlyCount
from relying_parties.models import ResourceServer
from tests.console.forms import act, form_of
from tests.console.pages import body_of, fill_every_table, url
from tests.support.cast import INVOICES, Cast
from tests.support.wire import ask

pytestmark = pytest.mark.contract("P10.17")

NEW = "https://bills.example"
ACT = {"identifier": NEW, "old": INVOICES, "reason": "The API has moved"}


def page_of(server: ResourceServer, page: str = "identifier") -> str:
    return url(ResourceServer, page, server.pk)


def test_the_form_shows_a_granted_identifier_and_why_it_is_fixed(cast: Cast, operator: Client) -> None:
    page = page_of(cast.invoices, "change")
    assert "identifier" not in form_of(operator, page)
    text = body_of(operator, page)
    assert "Fixed: the tokens of" in text
    assert page_of(cast.invoices) in text


def test_the_form_does_not_rename_in_silence(cast: Cast, operator: Client) -> None:
    page = page_of(cast.invoices, "change")
    answer = operator.post(page, form_of(operator, page) | {"identifier": NEW})
    assert "Nothing was saved: the identifier is fixed" in answer.content.decode()
    cast.invoices.refresh_from_db()
    assert cast.invoices.identifier == INVOICES


def test_an_identifier_without_a_grant_is_changed_by_the_form(cast: Cast, operator: Client) -> None:
    free = ResourceServer(issuer=cast.oidc_m2m, identifier="https://free.example")
    free.checked().save()
    page = page_of(free, "change")
    assert operator.post(page, form_of(operator, page) | {"identifier": NEW}).status_code == 302
    free.refresh_from_db()
    assert free.identifier == NEW


def test_every_channel_refuses_to_rename_what_is_granted(cast: Cast) -> None:
    cast.invoices.identifier = NEW
    with pytest.raises(ValidationError, match="Fixed: the tokens of"):
        cast.invoices.checked()


def test_the_act_tells_how_many_clients_and_tokens_it_hits(cast: Cast, operator: Client) -> None:
    fill_every_table(cast)
    issued = HourlyCount.objects.filter(audience=INVOICES, outcome="issued")
    reach = operator.get(page_of(cast.invoices)).context["reach"]
    assert (reach.granted, reach.clients) == (cast.invoices.grants.count(), 1)
    assert reach.tokens == sum(issued.values_list("requests", flat=True)) > 0


def test_the_act_changes_the_audience_and_leaves_its_reason(cast: Cast, operator: Client) -> None:
    assert act(operator, page_of(cast.invoices), ACT).status_code == 302
    assert ask(auth=cast.basic("billing")).claims["aud"] == NEW
    (change, *_) = operator.get(page_of(cast.invoices, "history")).context["changes"]
    assert (change.actor, change.reason) == ("olga", "The API has moved")
    assert [(field.before, field.after) for field in change.fields] == [(INVOICES, NEW)]
    assert "Reason: The API has moved" in body_of(operator, page_of(cast.invoices, "history"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"old": "https://invoices.example/"},
        {"old": ""},
        {"reason": ""},
        {"identifier": INVOICES},
        {"identifier": "with a space"},
        {"identifier": "a\x00b"},
    ],
)
def test_the_act_is_refused_unless_all_is_right(cast: Cast, operator: Client, wrong: dict[str, Any]) -> None:
    assert act(operator, page_of(cast.invoices), ACT | wrong).status_code == 200
    cast.invoices.refresh_from_db()
    assert cast.invoices.identifier == INVOICES


def test_a_literal_audience_of_a_template_holds_the_identifier(cast: Cast, operator: Client) -> None:
    template = cast.seed_template
    template.claims |= {"aud": INVOICES}
    template.save()
    cast.billing.claim_template = template
    cast.billing.save()
    answer = act(operator, page_of(cast.invoices), ACT)
    assert f"aud in its claim template is {INVOICES}" in answer.content.decode()
    cast.invoices.refresh_from_db()
    assert cast.invoices.identifier == INVOICES


def test_an_auditor_cannot(cast: Cast, auditor: Client) -> None:
    assert auditor.get(page_of(cast.invoices)).status_code == 403
    assert auditor.post(page_of(cast.invoices), ACT).status_code == 403
