"""Each tab of a client has a form and a version of its own; its head is one line of truth."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from audit.models import IssuanceEvent
from console.clients import token_use
from relying_parties.models import AccessGrant, RelyingParty, RequestRule
from tests.console.conftest import member
from tests.console.forms import act, form_in, form_of
from tests.console.pages import FIELDS_OF_TABS, TABS, body_of, page_with, url
from tests.support.cast import Cast
from tests.support.wire import ask, last_event

pytestmark = pytest.mark.contract("P10.35")


@pytest.fixture
def other(cast: Cast) -> Client:
    return member("otto", "Operators")


def text_of(client: Client, page: str) -> str:
    return " ".join(body_of(client, page).split())


def test_two_operators_on_different_tabs_never_stop_or_undo_each_other(
    cast: Cast, operator: Client, other: Client
) -> None:
    changes = {"contact": "Payments", "requests_per_minute": "90", "access_token_ttl": "120"}
    opened = [
        (page, form_of(operator, page), name) for name in changes for page in [page_with(cast.billing, name)]
    ]
    rule = {
        "rules-0-parameter": "env",
        "rules-0-regex": "x",
        "rules-0-message": "m",
        "rules-TOTAL_FORMS": "1",
    }
    access = page_with(cast.billing, "grants")
    assert other.post(access, form_of(other, access) | {"grants-0-scopes": []}).status_code == 302
    answers = [operator.post(page, form | {name: changes[name]}).status_code for page, form, name in opened]
    cast.billing.refresh_from_db()
    kept = (cast.billing.contact, cast.billing.requests_per_minute, cast.billing.access_token_ttl)
    assert (answers, kept) == ([302] * 3, ("Payments", 90, 120))
    page, form, _ = opened[1]
    assert other.post(page, form_of(other, page) | rule).status_code == 302
    assert operator.post(page, form).status_code == 409


def test_disabling_stops_no_open_form(cast: Cast, operator: Client, other: Client) -> None:
    page = url(RelyingParty, "change", cast.billing.pk)
    mine = form_of(operator, page)
    act(other, url(RelyingParty, "disable", cast.billing.pk), {"reason": "leak"})
    assert operator.post(page, mine | {"contact": "Payments"}).status_code == 302
    cast.billing.refresh_from_db()
    assert (cast.billing.contact, cast.billing.is_active) == ("Payments", False)


@pytest.mark.parametrize("tab", TABS)
def test_each_tab_saved_as_it_stands_changes_nothing_and_leads_back(
    cast: Cast, operator: Client, tab: str
) -> None:
    page = url(RelyingParty, tab, cast.billing.pk)
    before = RelyingParty.objects.values().get(pk=cast.billing.pk)
    grants = list(AccessGrant.objects.values())
    answer = operator.post(page, form_of(operator, page))
    after = RelyingParty.objects.values().get(pk=cast.billing.pk)
    assert (answer.status_code, answer["Location"]) == (302, page)
    assert before | {"updated": None} == after | {"updated": None}
    assert list(AccessGrant.objects.values()) == grants


@pytest.mark.parametrize("tab", TABS)
def test_an_auditor_reads_each_tab_and_changes_none(
    cast: Cast, auditor: Client, operator: Client, tab: str
) -> None:
    page = url(RelyingParty, tab, cast.billing.pk)
    form = form_of(operator, page)
    assert 'name="_save"' not in body_of(auditor, page)
    assert auditor.post(page, form).status_code == 403


def test_a_fault_on_another_tab_does_not_hold_a_form_back(cast: Cast, operator: Client) -> None:
    """One that was there before; each tab could otherwise wait for the other."""
    RelyingParty.objects.filter(pk=cast.billing.pk).update(
        allowed_networks=["nowhere"], access_token_ttl=10**6
    )
    page = page_with(cast.billing, "requests_per_minute")
    answer = operator.post(page, form_of(operator, page) | {"allowed_networks": "10.0.0.0/8"})
    assert answer.status_code == 200
    (problem,) = answer.context["adminform"].form.non_field_errors()
    assert "its TTL of 1000000 seconds is more than the issuer's greatest, 86400." in problem


def test_the_scopes_of_an_api_are_boxes_and_no_other_can_be_ticked(cast: Cast, operator: Client) -> None:
    page = page_with(cast.billing, "grants")
    form = form_of(operator, page)
    number = next(name for name, value in form.items() if value == ["invoices.read"]).split("-")[1]
    row = AccessGrant.objects.get(pk=form[f"grants-{number}-id"])
    assert operator.post(page, form | {f"grants-{number}-scopes": []}).status_code == 302
    row.refresh_from_db()
    assert row.scopes == []
    answer = operator.post(page, form_of(operator, page) | {f"grants-{number}-scopes": ["made.up"]})
    assert b"made.up is not one of the available choices." in answer.content


def test_another_api_is_granted_by_a_box_without_javascript(cast: Cast, operator: Client) -> None:
    grant = AccessGrant.objects.filter(relying_party=cast.billing, is_default=False).first()
    assert grant is not None
    api = grant.resource_server
    grant.delete()
    page = page_with(cast.billing, "access")
    assert f'value="{api.pk} {api.scopes[0]}"' in body_of(operator, page)
    answer = operator.post(page, form_of(operator, page) | {"access": [f"{api.pk} {api.scopes[0]}"]})
    made = AccessGrant.objects.get(relying_party=cast.billing, resource_server=api)
    assert (answer.status_code, made.scopes, made.is_default) == (302, [api.scopes[0]], False)
    assert f'name="access" value="{api.pk}"' not in text_of(operator, page)


def test_the_restrictions_are_sentences_with_their_present_values(cast: Cast, operator: Client) -> None:
    page = url(RelyingParty, "restrictions", cast.billing.pk)
    assert "It may ask from any address." in text_of(operator, page)
    row = RelyingParty.objects.get(pk=cast.billing.pk)
    row.allowed_networks, row.requests_per_minute = ["10.0.0.0/8", "192.0.2.0/24"], 1
    row.valid_until = timezone.now() + timedelta(days=1)
    row.save()
    RequestRule(relying_party=row, parameter="env", regex="prod", message="prod").save()
    text = text_of(operator, page)
    for sentence in (
        "It may ask from 10.0.0.0/8 and 192.0.2.0/24 only.",
        "It gets at most 1 token a minute.",
        f"It gets tokens until {row.valid_until:%Y-%m-%d %H:%M} UTC.",
        "Rules read the parameter env.",
        "Its tokens are not bound to a key: whoever holds one can use it.",
    ):
        assert sentence in text
        assert sentence in text_of(operator, url(RelyingParty, "change", row.pk))


def test_the_head_says_what_its_last_token_was_and_what_the_day_was_like(
    cast: Cast, operator: Client
) -> None:
    ask(auth=cast.basic("billing"))
    ask({"scope": "made.up"}, auth=cast.basic("billing"))
    page = text_of(operator, url(RelyingParty, "claims", cast.billing.pk))
    head = page[page.index("<strong>Gets tokens.") : page.index("in 24 h.")]
    assert "less than a minute ago</time> for " in head
    hint = cast.billing.secrets.get().hint
    assert f", with secret first …{hint} from 192.0.2.7. 1 issued, 1 refused" in head
    assert last_event().at.strftime("%Y-%m-%d %H:") in head


def test_more_requests_than_are_counted_are_counted_since_an_instant(
    cast: Cast, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_use, "MAX_COUNTED", 2)
    for _ in range(3):
        ask(auth=cast.basic("billing"))
    _, second, _ = IssuanceEvent.objects.order_by("at").values_list("at", flat=True)
    page = text_of(operator, url(RelyingParty, "change", cast.billing.pk))
    assert f"2 issued, 0 refused since {second:%Y-%m-%d %H:%M} UTC." in page


def test_of_a_refused_client_the_head_says_how_many_tokens_are_still_good(
    cast: Cast, operator: Client
) -> None:
    for _ in range(2):
        ask(auth=cast.basic("billing"))
    ends = IssuanceEvent.objects.latest("expires_at").expires_at
    page = url(RelyingParty, "change", cast.billing.pk)
    assert "still good" not in body_of(operator, page)
    act(operator, url(RelyingParty, "disable", cast.billing.pk), {"reason": "leak, INC-42"})
    assert ends is not None
    assert f"2 tokens are still good, the last until {ends:%Y-%m-%d %H:%M} UTC." in text_of(operator, page)


@pytest.mark.parametrize("seconds", [59, 60, 200])
def test_the_age_of_the_last_token_is_in_words(cast: Cast, seconds: int) -> None:
    now = timezone.now()
    words = {59: "less than a minute ago", 60: "1\xa0minute ago", 200: "3\xa0minutes ago"}
    assert token_use._ago(now - timedelta(seconds=seconds), now) == words[seconds]


def test_the_timeline_is_a_tab_too(cast: Cast, operator: Client) -> None:
    timeline = text_of(operator, url(RelyingParty, "timeline", cast.billing.pk))
    assert (
        f'href="{url(RelyingParty, "timeline", cast.billing.pk)}" aria-current="page">Timeline</a>'
        in timeline
    )
    for tab in TABS:
        assert f'href="{url(RelyingParty, tab, cast.billing.pk)}"' in timeline


def test_who_may_not_see_the_record_sees_no_use(cast: Cast) -> None:
    ask(auth=cast.basic("billing"))
    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_relyingparty"))
    client = Client()
    client.force_login(reader)
    page = text_of(client, url(RelyingParty, "change", cast.billing.pk))
    assert "<strong>Gets tokens.</strong>" in page
    assert "issued" not in page[page.index("<strong>Gets") : page.index("</nav>", page.index("<strong>Gets"))]
    assert ">Timeline</a>" not in page


def test_a_client_without_a_credential_offers_what_it_can_have(cast: Cast, operator: Client) -> None:
    cast.billing.secrets.all().delete()
    page = text_of(operator, url(RelyingParty, "change", cast.billing.pk))
    assert "Cannot get tokens yet: it has no secret." in page
    for act_name in ("Generate a secret", "Register a key", "Let a workload in"):
        assert f">{act_name}</a>" in page


def test_the_fields_of_the_tabs_are_where_the_tests_expect_them(cast: Cast, operator: Client) -> None:
    for tab, names in FIELDS_OF_TABS.items():
        form = form_in(operator.get(url(RelyingParty, tab, cast.billing.pk)))
        shown = operator.get(url(RelyingParty, tab, cast.billing.pk)).context["adminform"].form.fields
        assert names - {"grants", "rules"} <= shown.keys()
        assert any(name.startswith("grants-") for name in form) == ("grants" in names)
