"""Before an act stops a service the console says what it stops, and asks why."""

import pytest
from django.test import Client

from audit.models import IssuanceEvent
from console.clients import impact
from relying_parties.models import ClientSecret, RelyingParty
from tests.console.forms import act, version_in
from tests.console.pages import act_urls, body_of, url
from tests.support.cast import Cast
from tests.support.wire import ask

pytestmark = pytest.mark.contract("P10.37")


def text_of(client: Client, page: str) -> str:
    return " ".join(body_of(client, page).split())


@pytest.mark.parametrize("name", ["disable", "revoke"])
def test_the_page_of_the_act_says_how_many_tokens_it_concerns(
    cast: Cast, operator: Client, name: str
) -> None:
    page = act_urls(cast)[name]
    assert "It got no token in the last 7 days." in text_of(operator, page)
    for _ in range(2):
        ask(auth=cast.basic("billing"))
    ask({"scope": "made.up"}, auth=cast.basic("billing"))
    newest = IssuanceEvent.objects.filter(outcome="issued").latest("at")
    text = text_of(operator, page)
    assert f"It got 2 tokens in the last 7 days, the last at {newest.at:%Y-%m-%d %H:%M} UTC." in text
    assert (
        f"2 tokens are still good, the last until {newest.expires_at:%Y-%m-%d %H:%M} UTC: this act does"
        in text
    )


def test_another_s_tokens_do_not_count(cast: Cast, operator: Client) -> None:
    ask(cast.in_body("reports"))
    assert "It got no token in the last 7 days." in text_of(operator, act_urls(cast)["disable"])
    assert "It got no token in the last 7 days." in text_of(operator, act_urls(cast)["revoke"])


def test_more_tokens_than_are_counted_are_shown_as_more(
    cast: Cast, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(impact, "MAX_READ", 1)
    for _ in range(2):
        ask(auth=cast.basic("billing"))
    assert "It got at least 1 token in the last 7 days" in text_of(operator, act_urls(cast)["disable"])


@pytest.mark.parametrize("name", ["disable", "revoke"])
@pytest.mark.parametrize("reason", ["", "  ", "x" * 101])
def test_without_a_reason_nothing_is_done(cast: Cast, operator: Client, name: str, reason: str) -> None:
    answer = act(operator, act_urls(cast)[name], {"reason": reason})
    assert (answer.status_code, list(answer.context["form"].errors)) == (200, ["reason"])
    assert ask(auth=cast.basic("billing")).status == 200


def test_the_reason_of_a_revocation_is_in_the_history(cast: Cast, operator: Client) -> None:
    act(operator, act_urls(cast)["revoke"], {"reason": "leak, INC-42"})
    secret = ClientSecret.objects.get(relying_party=cast.billing)
    assert secret.history.latest("history_id").history_change_reason == "leak, INC-42"
    assert "leak, INC-42" in body_of(operator, url(RelyingParty, "history", cast.billing.pk))


def test_to_enable_needs_no_reason_and_the_way_back_is_in_the_message(cast: Cast, operator: Client) -> None:
    answer = act(operator, act_urls(cast)["disable"], {"reason": "leak"}, follow=True)
    assert f'<a href="{act_urls(cast)["enable"]}">Enable it again</a>' in answer.content.decode()
    version = version_in(operator.get(act_urls(cast)["enable"]))
    assert operator.post(act_urls(cast)["enable"], version).status_code == 302
    assert ask(auth=cast.basic("billing")).status == 200
