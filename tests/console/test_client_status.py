"""A client that gets no token is not shown as if it worked: its page, the list, the preview, its refused requests."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from audit.models import IssuanceEvent
from issuers.models import Issuer
from relying_parties.models import ClientSecret, RelyingParty
from tests.console.forms import act, form_of
from tests.console.pages import body_of, url
from tests.support.cast import Cast
from tests.support.wire import ask, last_event

pytestmark = pytest.mark.contract("P10.11")


def text_of(browser: Client, page: str) -> str:
    return " ".join(body_of(browser, page).split())


def disable(operator: Client, model: type[RelyingParty] | type[Issuer], key: int) -> str:
    """A client by its act, an issuer by its form. Returns the time that the page is to say."""
    page = url(model, "disable" if model is RelyingParty else "change", key)
    form = {"reason": "leak"} if model is RelyingParty else form_of(operator, page)
    form.pop("is_active", None)
    assert act(operator, page, form).status_code == 302
    return f"{timezone.now():%Y-%m-%d %H:}"


def test_the_page_of_a_client_that_works_says_so(cast: Cast, auditor: Client) -> None:
    page = text_of(auditor, url(RelyingParty, "credentials", cast.billing.pk))
    assert "<strong>Gets tokens.</strong>" in page
    assert '<span class="state live">live</span>' in page
    assert "No token now" not in page


def test_a_disabled_client_is_shown_as_refused_and_by_whom(cast: Cast, operator: Client) -> None:
    hour = disable(operator, RelyingParty, cast.billing.pk)
    assert ask(auth=cast.basic("billing")).status == 401
    tabs = ("credentials", "claims")
    page = "".join(text_of(operator, url(RelyingParty, tab, cast.billing.pk)) for tab in tabs)
    assert f"<strong>Refused now: it was disabled by olga on {hour}" in page
    assert "<li> Enable it. </li>" in page
    assert '<span class="state live">live</span>' not in page
    assert "live, but no token</span> it was disabled by olga on" in page
    assert '<span class="state refused">No token now</span> Refused now: it was disabled by olga' in page


def test_a_client_of_a_disabled_issuer_is_shown_as_refused(cast: Cast, operator: Client) -> None:
    disable(operator, Issuer, cast.oidc_m2m.pk)
    page = text_of(operator, url(RelyingParty, "credentials", cast.billing.pk))
    assert "<strong>Refused now: its issuer M2M was disabled by olga on" in page
    assert '<span class="state live">live</span>' not in page


def test_every_further_obstacle_is_named_too(cast: Cast, operator: Client) -> None:
    cast.retired.valid_until = timezone.now() - timedelta(days=1)
    cast.retired.save()
    ClientSecret.objects.filter(relying_party=cast.retired).delete()
    page = text_of(operator, url(RelyingParty, "change", cast.retired.pk))
    assert "Also, it has no secret. Generate one." in page
    assert "Also, it was valid until" in page


def test_a_client_that_was_never_finished_is_distinguished_from_one_that_was_stopped(
    cast: Cast, operator: Client
) -> None:
    ClientSecret.objects.filter(relying_party=cast.billing).delete()
    page = text_of(operator, url(RelyingParty, "change", cast.billing.pk))
    assert "<strong>Cannot get tokens yet: it has no secret.</strong>" in page


def test_the_list_has_the_reason_in_a_column(cast: Cast, auditor: Client) -> None:
    cast.billing.valid_until = timezone.now() - timedelta(days=1)
    cast.billing.save()
    page = text_of(auditor, url(RelyingParty, "changelist"))
    column = '<td data-label="Tokens" class="field-gets_tokens"><span class="state '
    assert page.count(column) == RelyingParty.objects.count()
    assert page.count(f'{column}live" title="Gets tokens.">gets tokens</span>') == 2
    assert ">disabled</span>" in page
    assert f'title="Refused now: it was valid until {cast.billing.valid_until:%Y-%m-%d %H:%M} UTC.">' in page
    assert ">no longer valid</span>" in page


def test_the_list_shows_a_change_at_once(cast: Cast, operator: Client) -> None:
    billing = f"{url(RelyingParty, 'changelist')}?q=billing"
    assert ">gets tokens</span>" in body_of(operator, billing)
    disable(operator, RelyingParty, cast.billing.pk)
    assert ">gets tokens</span>" not in body_of(operator, billing)


def test_a_preview_says_that_there_would_be_no_token(cast: Cast, operator: Client) -> None:
    page = f"{url(RelyingParty, 'preview', cast.billing.pk)}?address=192.0.2.7"
    assert "No token now" not in body_of(operator, page)
    disable(operator, RelyingParty, cast.billing.pk)
    body = text_of(operator, page)
    said = body.index("No token now</span> Refused now: it was disabled by olga")
    assert said < body.index("<figcaption>Claims</figcaption>")
    assert "What follows is what the token would say otherwise." in body


def test_the_advice_on_a_refused_request_is_about_its_reason(cast: Cast, operator: Client) -> None:
    disable(operator, RelyingParty, cast.billing.pk)
    ask(auth=cast.basic("billing"))
    page = text_of(operator, url(IssuanceEvent, "change", last_event().pk))
    assert "As the client is set up now: Refused now: it was disabled by olga on" in page
    assert "<p>Enable it.</p>" in page
    assert "Disabled by olga on" in page


def test_the_advice_on_a_wrong_method_is_about_the_method(cast: Cast, operator: Client) -> None:
    ask({"client_id": "billing", "client_secret": "wrong"})
    page = text_of(operator, url(IssuanceEvent, "change", last_event().pk))
    assert "The caller has to use the registered method, or the client gets the one that it uses." in page
    assert "As the client is set up now" not in page
