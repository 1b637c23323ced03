"""A form that was opened before someone else changed the object undoes nothing."""

from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.test import Client

from console.admin_base.versions.made_from import CONFLICT, MADE_FROM
from relying_parties.models import AccessGrant, RequestRule, ResourceServer
from tests.console.conftest import member
from tests.console.forms import form_in, form_of
from tests.console.pages import CONFIGURATION, PEOPLE, fill_every_table, object_urls, url
from tests.support.at_once import all_at_once
from tests.support.cast import Cast

pytestmark = pytest.mark.contract("P10.13")

SAVED = 302
SHOWN = 200


@pytest.fixture
def other(cast: Cast) -> Client:
    return member("otto", "Operators")


def page_of(row: Model, tab: str = "change") -> str:
    return url(type(row), tab, row.pk)


def without(form: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in form.items() if name not in names}


def test_a_form_made_from_an_older_version_saves_nothing_and_tells_what_changed(
    cast: Cast, operator: Client, other: Client
) -> None:
    page = page_of(cast.billing)
    mine, theirs = form_of(operator, page), form_of(other, page)
    assert other.post(page, theirs | {"description": "Theirs"}).status_code == SAVED
    answer = operator.post(page, mine | {"contact": "Payments"})
    cast.billing.refresh_from_db()
    assert (answer.status_code, cast.billing.description, cast.billing.contact) == (CONFLICT, "Theirs", "")
    text = answer.content.decode()
    assert "Nothing was saved: someone changed this after you opened the form" in text
    (change,) = answer.context["stale"]["changes"]
    assert (change.actor, [(field.name, field.before, field.after) for field in change.fields]) == (
        "otto", [("description", "", "Theirs")],
    )  # fmt: skip
    (typed,) = answer.context["stale"]["typed"]
    assert (typed.name, typed.before, typed.now, typed.typed, typed.is_contested) == (
        "Contact", "", "", "Payments", False,
    )  # fmt: skip


def test_the_form_that_is_shown_again_keeps_both_changes(cast: Cast, operator: Client, other: Client) -> None:
    page = page_of(cast.billing)
    mine, theirs = form_of(operator, page), form_of(other, page)
    other.post(page, theirs | {"description": "Theirs", "name": "Bills"})
    shown = operator.post(page, mine | {"contact": "Payments"})
    assert operator.post(page, form_in(shown)).status_code == SAVED
    cast.billing.refresh_from_db()
    kept = cast.billing
    assert (kept.description, kept.name, kept.contact) == ("Theirs", "Bills", "Payments")


def test_of_a_field_that_both_changed_it_tells_what_would_be_undone(
    cast: Cast, operator: Client, other: Client
) -> None:
    page = page_of(cast.billing)
    mine, theirs = form_of(operator, page), form_of(other, page)
    other.post(page, theirs | {"contact": "Theirs"})
    shown = operator.post(page, mine | {"contact": "Mine"})
    (typed,) = shown.context["stale"]["typed"]
    assert (typed.before, typed.now, typed.typed, typed.is_contested) == ("", "Theirs", "Mine", True)
    assert "undoes their change" in shown.content.decode()
    assert operator.post(page, form_in(shown)).status_code == SAVED
    cast.billing.refresh_from_db()
    assert cast.billing.contact == "Mine"


def test_who_saves_after_a_third_change_is_stopped_again(cast: Cast, operator: Client, other: Client) -> None:
    page = page_of(cast.billing)
    mine = form_of(operator, page)
    other.post(page, form_of(other, page) | {"contact": "Theirs"})
    shown = operator.post(page, mine | {"name": "Mine"})
    other.post(page, form_of(other, page) | {"description": "Theirs too"})
    again = operator.post(page, form_in(shown))
    assert again.status_code == CONFLICT
    assert operator.post(page, form_in(again)).status_code == SAVED
    cast.billing.refresh_from_db()
    assert (cast.billing.name, cast.billing.contact, cast.billing.description) == (
        "Mine", "Theirs", "Theirs too",
    )  # fmt: skip


def test_a_row_that_was_added_meanwhile_stays(cast: Cast, operator: Client, other: Client) -> None:
    page = page_of(cast.billing, "restrictions")
    mine, theirs = form_of(operator, page), form_of(other, page)
    rule = {"parameter": "env", "regex": "prod", "message": "Which?"}
    added = {f"rules-0-{name}": value for name, value in rule.items()} | {"rules-TOTAL_FORMS": "1"}
    assert other.post(page, theirs | added).status_code == SAVED
    my_rule = {
        "rules-0-parameter": "tier",
        "rules-0-regex": "1",
        "rules-0-message": "No.",
        "rules-TOTAL_FORMS": "1",
    }
    shown = operator.post(page, mine | my_rule)
    assert shown.status_code == CONFLICT
    assert operator.post(page, form_in(shown)).status_code == SAVED
    assert sorted(cast.billing.rules.values_list("parameter", flat=True)) == ["env", "tier"]


def test_a_row_that_was_deleted_meanwhile_stays_away(cast: Cast, operator: Client, other: Client) -> None:
    RequestRule(relying_party=cast.billing, parameter="env", regex="prod", message="Which?").save()
    RequestRule(relying_party=cast.billing, parameter="tier", regex="1", message="No.").save()
    page = page_of(cast.billing, "restrictions")
    mine, theirs = form_of(operator, page), form_of(other, page)
    assert other.post(page, theirs | {"rules-0-DELETE": "on"}).status_code == SAVED
    shown = operator.post(page, mine | {"rules-1-message": "Mine."})
    assert shown.status_code == CONFLICT
    assert operator.post(page, form_in(shown)).status_code == SAVED
    assert list(cast.billing.rules.values_list("parameter", "message")) == [("tier", "Mine.")]


def test_a_deleted_row_that_was_typed_into_is_offered_again(
    cast: Cast, operator: Client, other: Client
) -> None:
    RequestRule(relying_party=cast.billing, parameter="env", regex="prod", message="Which?").save()
    page = page_of(cast.billing, "restrictions")
    mine, theirs = form_of(operator, page), form_of(other, page)
    other.post(page, theirs | {"rules-0-DELETE": "on"})
    shown = operator.post(page, mine | {"rules-0-message": "Mine."})
    told = {(typed.name, typed.typed, typed.is_contested) for typed in shown.context["stale"]["typed"]}
    assert ("request rule, deleted meanwhile: Message", "Mine.", True) in told
    assert operator.post(page, form_in(shown)).status_code == SAVED
    assert list(cast.billing.rules.values_list("parameter", "message")) == [("env", "Mine.")]


def test_a_row_to_be_deleted_stays_marked(cast: Cast, operator: Client, other: Client) -> None:
    page = page_of(cast.billing, "access")
    mine, theirs = form_of(operator, page), form_of(other, page)
    other.post(page, theirs | {"grants-0-scopes": []})
    shown = operator.post(page, mine | {"grants-0-DELETE": "on"})
    (typed,) = shown.context["stale"]["typed"]
    assert (typed.typed, typed.is_contested) == ("to be deleted", True)
    before = cast.billing.grants.count()
    assert operator.post(page, form_in(shown)).status_code == SAVED
    assert cast.billing.grants.count() == before - 1


def test_a_change_by_another_channel_counts_as_well(cast: Cast, operator: Client) -> None:
    page = page_of(cast.billing, "access")
    mine = form_of(operator, page)
    grant = AccessGrant.objects.filter(relying_party=cast.billing).first()
    assert grant is not None
    grant.scopes = []
    grant.checked().save()
    assert operator.post(page, mine | {"grants-1-scopes": []}).status_code == CONFLICT
    grant.refresh_from_db()
    assert grant.scopes == []


def test_what_was_typed_wrongly_stays_and_is_named(cast: Cast, operator: Client, other: Client) -> None:
    page = page_of(cast.billing, "restrictions")
    mine, theirs = form_of(operator, page), form_of(other, page)
    other.post(page, theirs | {"allowed_networks": "10.0.0.0/8"})
    shown = operator.post(page, mine | {"requests_per_minute": "many"})
    form = shown.context["adminform"].form
    assert (form["requests_per_minute"].value(), form["allowed_networks"].value()) == ("many", "10.0.0.0/8")
    assert "requests_per_minute" in form.errors


@pytest.mark.parametrize("made_from", ["", "x", "1.7", "9" * 40, "999999999.1-0.0-0.0", "a\x00b", "-"])
def test_a_form_without_its_version_is_refused_in_words(cast: Cast, operator: Client, made_from: str) -> None:
    page = page_of(cast.billing)
    form = form_of(operator, page) | {MADE_FROM: made_from, "contact": "Mine"}
    answer = operator.post(page, form)
    assert answer.status_code == CONFLICT
    assert "Nothing was saved" in answer.content.decode()
    cast.billing.refresh_from_db()
    assert cast.billing.contact == ""
    assert operator.post(page, form_in(answer)).status_code == SAVED
    cast.billing.refresh_from_db()
    assert cast.billing.contact == "Mine"


@pytest.mark.parametrize("model", [*CONFIGURATION, *PEOPLE])
def test_every_form_of_a_change_names_its_version(cast: Cast, superuser: Client, model: type[Model]) -> None:
    fill_every_table(cast)
    page = object_urls(model)["change"]
    form = form_of(superuser, page)
    assert f'name="{MADE_FROM}" value="{form[MADE_FROM]}"' in superuser.get(page).content.decode()
    without_it = {name: value for name, value in form.items() if name != MADE_FROM}
    assert superuser.post(page, without_it).status_code == CONFLICT
    assert superuser.post(page, form).status_code == SAVED


def test_a_form_of_a_user_undoes_nothing(cast: Cast, superuser: Client) -> None:
    olga = User.objects.create_user("olga", is_staff=True)
    page = page_of(olga)
    auditors = Group.objects.get(name="Auditors")
    form = form_of(superuser, page)
    assert superuser.post(page, without(form, "is_active") | {"groups": [auditors.pk]}).status_code == SAVED
    shown = superuser.post(page, form | {"email": "olga@example.com"})
    assert shown.status_code == CONFLICT
    told = {field.after for change in shown.context["stale"]["changes"] for field in change.fields}
    assert told == {"is_active: True -> False", "groups added: Auditors"}
    assert superuser.post(page, form_in(shown)).status_code == SAVED
    olga.refresh_from_db()
    assert (olga.is_active, olga.email, list(olga.groups.all())) == (False, "olga@example.com", [auditors])


def test_a_sign_in_meanwhile_does_not_matter(cast: Cast, superuser: Client) -> None:
    olga = User.objects.create_user("olga", is_staff=True)
    form = form_of(superuser, page_of(olga))
    Client().force_login(olga)
    assert superuser.post(page_of(olga), form).status_code == SAVED


def test_the_ends_of_lines_that_a_browser_makes_are_not_typed(
    cast: Cast, operator: Client, other: Client
) -> None:
    cast.billing.description = "one\ntwo"
    cast.billing.save()
    page = page_of(cast.billing)
    mine = form_of(operator, page)
    other.post(page, form_of(other, page) | {"description": "Theirs"})
    shown = operator.post(page, mine | {"description": "one\r\ntwo", "contact": "Mine"})
    assert [typed.name for typed in shown.context["stale"]["typed"]] == ["Contact"]


def test_an_auditor_s_post_tells_nothing(cast: Cast, auditor: Client) -> None:
    assert auditor.post(page_of(cast.billing), {MADE_FROM: "1.1"}).status_code == 403


def test_a_resource_server_shows_the_scope_that_another_added(
    cast: Cast, operator: Client, other: Client
) -> None:
    server = ResourceServer.objects.filter(issuer=cast.oidc_m2m).first()
    assert server is not None
    page = page_of(server)
    mine = form_of(operator, page)
    theirs = form_of(other, page)
    assert other.post(page, theirs | {"scopes": "\n".join([*server.scopes, "more"])}).status_code == SAVED
    shown = operator.post(page, mine | {"name": "Mine"})
    assert shown.context["adminform"].form["scopes"].value().splitlines() == [*server.scopes, "more"]
    assert operator.post(page, form_in(shown)).status_code == SAVED
    server.refresh_from_db()
    assert (server.name, server.scopes[-1]) == ("Mine", "more")


@pytest.mark.slow
def test_of_two_forms_saved_at_once_one_is_stopped(cast: Cast, operator: Client, other: Client) -> None:
    page = page_of(cast.billing)
    for number in range(5):
        before = (cast.billing.contact, cast.billing.description)
        mine = form_of(operator, page) | {"contact": f"Mine {number}"}
        theirs = form_of(other, page) | {"description": f"Theirs {number}"}
        acts = [partial(operator.post, page, mine), partial(other.post, page, theirs)]
        answers = [answer.status_code for answer in all_at_once(*acts)]
        cast.billing.refresh_from_db()
        kept = (cast.billing.contact, cast.billing.description)
        assert sorted(answers) == [SAVED, CONFLICT]
        assert kept in {(f"Mine {number}", before[1]), (before[0], f"Theirs {number}")}
