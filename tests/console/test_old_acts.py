"""An act or a deletion whose page was opened before someone else changed the object undoes nothing."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from console.admin_base.versions.made_from import CONFLICT
from console.people.people_version import SIGNER
from issuers.models import GlobalVariable
from keys.importing.certificates import certificate_request
from keys.lifecycle.rotation import activate_without_waiting, announce_successor
from keys.models import SigningKey
from relying_parties.models import (
    AccessGrant,
    ClientSecret,
    FederatedCredential,
    RelyingParty,
    ResourceServer,
)  # fmt: skip
from tests.console.conftest import member
from tests.console.forms import act, delete_selected, form_in, form_of, version_in
from tests.console.pages import act_urls, federate, url
from tests.keys.authority import Authority
from tests.support.at_once import all_at_once
from tests.support.cast import Cast

pytestmark = pytest.mark.contract("P10.13")

SAVED = 302
NEXT_YEAR = "2099-01-01T00:00:00"


@pytest.fixture
def other(cast: Cast) -> Client:
    return member("otto", "Operators")


def changed_in(answer: Any) -> set[tuple[str, str]]:
    """Who changed which field, as the page tells it."""
    assert answer.status_code == CONFLICT
    return {
        (change.actor, field.name) for change in answer.context["stale"]["changes"] for field in change.fields
    }


def typed_in(answer: Any) -> dict[str, tuple[str, str, bool]]:
    return {
        field.name: (field.now, field.typed, field.is_contested) for field in answer.context["stale"]["typed"]
    }


# Federated credentials


def credential_form(credential: FederatedCredential, **changed: str) -> dict[str, Any]:
    form = {
        "label": credential.label, "trusted_issuer": credential.trusted_issuer_id, "subject": credential.subject,
        "claims": "{}", "caps_token_lifetime": "on",
    }  # fmt: skip
    return {**form, **changed}


def test_the_form_of_a_federated_credential_keeps_both_changes(
    cast: Cast, operator: Client, other: Client
) -> None:
    credential = federate(cast.billing)
    page = url(RelyingParty, "change_federated", cast.billing.pk, credential.pk)
    mine = version_in(operator.get(page))
    act(other, page, credential_form(credential, subject="theirs"))
    shown = operator.post(page, credential_form(credential, label="mine", claims=_claims(credential)) | mine)
    assert ("otto", "subject") in changed_in(shown)
    assert typed_in(shown) == {"Label": ("pod", "mine", False)}
    credential.refresh_from_db()
    assert (credential.label, credential.subject, credential.claims) == ("pod", "theirs", {})
    form = shown.context["form"]
    assert (form["label"].value(), form["subject"].value(), form["claims"].value()) == (
        "mine",
        "theirs",
        "{}",
    )
    again = {bound.html_name: bound.value() for bound in form if bound.value() is not False}
    assert operator.post(page, again | version_in(shown)).status_code == SAVED
    credential.refresh_from_db()
    assert (credential.label, credential.subject, credential.claims) == ("mine", "theirs", {})


def _claims(credential: FederatedCredential) -> str:
    return str(credential.claims).replace("'", '"')


def test_a_federated_credential_that_was_changed_is_not_deleted(
    cast: Cast, operator: Client, other: Client
) -> None:
    credential = federate(cast.billing)
    page = url(RelyingParty, "delete_federated", cast.billing.pk, credential.pk)
    mine = version_in(operator.get(page))
    change = url(RelyingParty, "change_federated", cast.billing.pk, credential.pk)
    act(other, change, credential_form(credential, subject="theirs"))
    shown = operator.post(page, mine)
    assert ("otto", "subject") in changed_in(shown)
    assert "<code>theirs</code>" in shown.content.decode()
    assert FederatedCredential.objects.filter(pk=credential.pk).exists()
    assert operator.post(page, version_in(shown)).status_code == SAVED
    assert not FederatedCredential.objects.filter(pk=credential.pk).exists()


def test_a_federated_credential_that_is_deleted_twice_is_reported(
    cast: Cast, operator: Client, other: Client
) -> None:
    credential = federate(cast.billing)
    page = url(RelyingParty, "delete_federated", cast.billing.pk, credential.pk)
    mine = version_in(operator.get(page))
    act(other, page)
    again = operator.post(page, mine, follow=True)
    assert "The federated credential pod is not there: otto deleted it on" in again.content.decode()


def test_a_federated_credential_that_is_added_twice_is_reported_at_its_form(
    cast: Cast, operator: Client
) -> None:
    form = credential_form(federate(cast.billing), label="job")
    page = url(RelyingParty, "add_federated", cast.billing.pk)
    assert operator.post(page, form).status_code == SAVED
    again = operator.post(page, form)
    assert "The client has a federated credential of this label." in again.content.decode()
    assert cast.billing.federated_credentials.count() == 2


# Client secrets


def test_the_expiry_of_a_secret_that_another_moved_is_shown_first(
    cast: Cast, operator: Client, other: Client
) -> None:
    page = act_urls(cast)["expiry"]
    mine = version_in(operator.get(page))
    act(other, page, {"expires_at": "2098-01-01T00:00:00"})
    shown = operator.post(page, mine | {"expires_at": NEXT_YEAR})
    assert changed_in(shown) == {("otto", "expires at")}
    assert typed_in(shown) == {"Expires at": ("2098-01-01 00:00", "2099-01-01 00:00", True)}
    assert f'value="{NEXT_YEAR}"' in shown.content.decode()
    assert secret_of(cast).expires_at.year == 2098  # type: ignore[union-attr]
    assert operator.post(page, version_in(shown) | {"expires_at": NEXT_YEAR}).status_code == SAVED
    assert secret_of(cast).expires_at.year == 2099  # type: ignore[union-attr]


def test_an_expiry_that_is_sent_twice_is_said_to_be_stored(cast: Cast, operator: Client) -> None:
    page = act_urls(cast)["expiry"]
    form = version_in(operator.get(page)) | {"expires_at": NEXT_YEAR}
    assert operator.post(page, form).status_code == SAVED
    again = operator.post(page, form)
    assert "What you typed is stored already: perhaps this form was sent twice." in again.content.decode()


def test_a_secret_whose_expiry_was_moved_is_not_revoked_unseen(
    cast: Cast, operator: Client, other: Client
) -> None:
    page = act_urls(cast)["revoke"]
    mine = version_in(operator.get(page)) | {"reason": "leak"}
    act(other, act_urls(cast)["expiry"], {"expires_at": NEXT_YEAR})
    shown = operator.post(page, mine)
    assert changed_in(shown) == {("otto", "expires at")}
    assert secret_of(cast).revoked_at is None
    assert operator.post(page, version_in(shown) | {"reason": "leak"}).status_code == SAVED
    assert secret_of(cast).revoked_at is not None


def test_a_secret_that_is_revoked_twice_keeps_its_instant(cast: Cast, operator: Client) -> None:
    page = act_urls(cast)["revoke"]
    form = version_in(operator.get(page)) | {"reason": "leak"}
    operator.post(page, form)
    revoked_at = secret_of(cast).revoked_at
    again = operator.post(page, form, follow=True)
    assert "The secret first is revoked already." in again.content.decode()
    assert secret_of(cast).revoked_at == revoked_at


def test_a_rotation_does_not_undo_another_s_expiry(cast: Cast, operator: Client, other: Client) -> None:
    page = act_urls(cast)["rotate secret"]
    opened = operator.get(page)
    act(other, act_urls(cast)["expiry"], {"expires_at": NEXT_YEAR})
    ends_at = f"{timezone.now() + timedelta(days=1):%Y-%m-%dT%H:%M:%S}"
    form = {"newest": secret_of(cast).pk, "label": "second", "ends_at": ends_at}
    shown = operator.post(page, version_in(opened) | form)
    assert changed_in(shown) == {("otto", "expires at")}
    assert (shown.context["form"]["label"].value(), cast.billing.secrets.count()) == ("second", 1)
    assert operator.post(page, version_in(shown) | form).status_code == 200
    assert cast.billing.secrets.count() == 2


def test_a_rotation_that_is_sent_twice_makes_one_secret(cast: Cast, operator: Client) -> None:
    page = act_urls(cast)["rotate secret"]
    ends_at = f"{timezone.now() + timedelta(days=1):%Y-%m-%dT%H:%M:%S}"
    form = version_in(operator.get(page)) | {"newest": secret_of(cast).pk, "ends_at": ends_at}
    answers = [operator.post(page, form) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, CONFLICT]
    assert "No secret was made" in answers[1].content.decode()
    assert cast.billing.secrets.count() == 2


def secret_of(cast: Cast) -> ClientSecret:
    return ClientSecret.objects.filter(relying_party=cast.billing).earliest("pk")


# The switch, and the identifier


def test_who_enables_a_client_sees_that_another_disabled_it_again(
    cast: Cast, operator: Client, other: Client
) -> None:
    enable, disable = (url(RelyingParty, name, cast.retired.pk) for name in ("enable", "disable"))
    mine = version_in(operator.get(enable))
    act(other, enable, {"reason": "false alarm"})
    act(other, disable, {"reason": "leak, INC-42"})
    shown = operator.post(enable, mine | {"reason": "mine"})
    assert changed_in(shown) == {("otto", "active")}
    assert "Reason: leak, INC-42" in shown.content.decode()
    assert shown.context["form"]["reason"].value() == "mine"
    assert not RelyingParty.objects.get(pk=cast.retired.pk).is_active
    assert operator.post(enable, version_in(shown) | {"reason": "mine"}).status_code == SAVED
    assert RelyingParty.objects.get(pk=cast.retired.pk).is_active


@pytest.mark.parametrize(("switch", "state"), [("disable", "disabled"), ("enable", "enabled")])
def test_a_switch_that_is_sent_twice_says_so(cast: Cast, operator: Client, switch: str, state: str) -> None:
    client = cast.billing if switch == "disable" else cast.retired
    page = url(RelyingParty, switch, client.pk)
    form = version_in(operator.get(page)) | {"reason": "leak"}
    operator.post(page, form)
    again = operator.post(page, form, follow=True)
    assert f"{client} is {state} already." in again.content.decode()


def test_an_identifier_is_not_changed_over_another_s_change(
    cast: Cast, operator: Client, other: Client
) -> None:
    page = url(ResourceServer, "identifier", cast.invoices.pk)
    old = cast.invoices.identifier
    mine = version_in(operator.get(page))
    act(other, page, {"identifier": "https://theirs.example", "old": old, "reason": "Theirs"})
    form = {"identifier": "https://mine.example", "old": old, "reason": "Mine"}
    shown = operator.post(page, mine | form)
    assert ("otto", "identifier") in changed_in(shown)
    assert shown.context["form"]["identifier"].value() == "https://mine.example"
    cast.invoices.refresh_from_db()
    assert cast.invoices.identifier == "https://theirs.example"
    right = form | {"old": "https://theirs.example"}
    assert operator.post(page, version_in(shown) | right).status_code == SAVED


# Keys


def test_a_chain_does_not_replace_another_s(cast: Cast, operator: Client, other: Client) -> None:
    authority = Authority.new("Example CA")
    theirs, mine = (
        authority.chain_for(certificate_request(cast.other_key), now=timezone.now()).decode()
        for _ in range(2)
    )
    page = url(SigningKey, "chain", cast.other_key.pk)
    opened = version_in(operator.get(page))
    act(other, page, {"pem": theirs})
    stored = SigningKey.objects.get(pk=cast.other_key.pk).certificate_chain
    shown = operator.post(page, opened | {"pem": mine})
    assert ("otto", "certificate chain") in changed_in(shown)
    assert shown.context["form"]["pem"].value() == mine
    assert SigningKey.objects.get(pk=cast.other_key.pk).certificate_chain == stored
    assert operator.post(page, version_in(shown) | {"pem": mine}).status_code == SAVED
    assert SigningKey.objects.get(pk=cast.other_key.pk).certificate_chain != stored


def test_a_private_key_in_an_old_form_is_not_given_back(cast: Cast, operator: Client) -> None:
    text = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIE\n-----END PRIVATE KEY-----\n"
    answer = operator.post(url(SigningKey, "chain", cast.key.pk), {"pem": text})
    assert answer.status_code == CONFLICT
    assert "MC4CAQAwBQYDK2VwBCIE" not in answer.content.decode()


def test_a_key_that_another_activated_is_not_revoked_unseen(
    cast: Cast, operator: Client, other: Client
) -> None:
    successor = announce_successor(cast.other_key, now=timezone.now())
    assert successor is not None
    page = url(SigningKey, "revoke", successor.pk)
    mine = version_in(operator.get(page))
    activate_without_waiting(successor, now=timezone.now())
    shown = operator.post(page, mine | {"word": "revoke"})
    assert "activates at" in {name for _, name in changed_in(shown)}
    assert shown.context["form"]["word"].value() == "revoke"
    assert SigningKey.objects.get(pk=successor.pk).revoked_at is None
    assert operator.post(page, version_in(shown) | {"word": "revoke"}).status_code == SAVED
    assert SigningKey.objects.get(pk=successor.pk).revoked_at is not None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rotate", "is announced already"),
        ("activate", "only an announced key can be activated."),
        ("revoke", "is revoked already"),
    ],
)
def test_an_act_on_a_key_that_is_sent_twice_is_done_once(
    cast: Cast, operator: Client, name: str, message: str
) -> None:
    key = cast.other_key
    if name == "activate":
        successor = announce_successor(key, now=timezone.now())
        assert successor is not None
        key = successor
    page = url(SigningKey, name, key.pk)
    form = version_in(operator.get(page)) | {"word": "revoke"}
    assert operator.post(page, form).status_code == SAVED
    count = SigningKey.objects.count()
    assert message in operator.post(page, form, follow=True).content.decode()
    assert SigningKey.objects.count() == count


# Deletions


def rename_variable(cast: Cast) -> tuple[Any, Callable[[Client], Any], str]:
    row = GlobalVariable.objects.get(name="region")
    page = url(GlobalVariable, "change", row.pk)
    return row, lambda client: client.post(page, form_of(client, page) | {"value": '"theirs"'}), "value"


def give_a_rule(cast: Cast) -> tuple[Any, Callable[[Client], Any], str]:
    page = url(RelyingParty, "restrictions", cast.retired.pk)
    rule = {
        "rules-0-parameter": "env",
        "rules-0-regex": "x",
        "rules-0-message": "m",
        "rules-TOTAL_FORMS": "1",
    }
    return cast.retired, lambda client: client.post(page, form_of(client, page) | rule), "parameter"


def give_a_secret(cast: Cast) -> tuple[Any, Callable[[Client], Any], str]:
    newest = cast.retired.secrets.order_by("-pk").values_list("pk", flat=True).first() or 0
    page = url(RelyingParty, "generate_secret", cast.retired.pk)
    return cast.retired, lambda client: client.post(page, {"newest": newest, "label": "theirs"}), "label"


@pytest.mark.parametrize("change", [rename_variable, give_a_rule, give_a_secret])
def test_what_another_changed_is_not_deleted_unseen(
    cast: Cast, operator: Client, other: Client, change: Any
) -> None:
    row, by, field = change(cast)
    page = url(type(row), "delete", row.pk)
    mine = version_in(operator.get(page))
    by(other)
    shown = operator.post(page, mine | {"post": "yes"})
    assert ("otto", field) in changed_in(shown)
    assert "Nothing was done: this was changed after you opened the page" in shown.content.decode()
    assert type(row).objects.filter(pk=row.pk).exists()
    assert operator.post(page, version_in(shown) | {"post": "yes"}).status_code == SAVED
    assert not type(row).objects.filter(pk=row.pk).exists()


def test_a_deletion_without_a_version_asks_again(cast: Cast, operator: Client) -> None:
    row = GlobalVariable.objects.get(name="region")
    shown = operator.post(url(GlobalVariable, "delete", row.pk), {"post": "yes"})
    assert shown.status_code == CONFLICT
    assert "Your form did not say which version it was made from." in shown.content.decode()
    assert GlobalVariable.objects.filter(pk=row.pk).exists()


def test_a_deletion_that_is_sent_twice_says_that_it_is_not_there(cast: Cast, operator: Client) -> None:
    page = url(GlobalVariable, "delete", GlobalVariable.objects.get(name="region").pk)
    form = version_in(operator.get(page)) | {"post": "yes"}
    operator.post(page, form)
    assert "Perhaps it was deleted?" in operator.post(page, form, follow=True).content.decode()


def test_of_several_rows_none_is_deleted_if_another_changed_one(
    cast: Cast, operator: Client, other: Client
) -> None:
    first = GlobalVariable.objects.get(name="region")
    second = GlobalVariable(name="zone", value="1")
    second.checked().save()
    page = url(GlobalVariable, "changelist")
    chosen = {"action": "delete_selected", "_selected_action": [first.pk, second.pk]}
    mine = version_in(operator.post(page, chosen))
    change = url(GlobalVariable, "change", second.pk)
    other.post(change, form_of(other, change) | {"value": '"theirs"'})
    shown = operator.post(page, chosen | mine | {"post": "yes"})
    assert changed_in(shown) == {("otto", "value")}
    assert GlobalVariable.objects.filter(pk__in=[first.pk, second.pk]).count() == 2
    assert operator.post(page, chosen | version_in(shown) | {"post": "yes"}).status_code == SAVED
    assert not GlobalVariable.objects.filter(pk__in=[first.pk, second.pk]).exists()


def test_several_rows_that_are_deleted_twice_are_reported(cast: Cast, operator: Client) -> None:
    row = GlobalVariable.objects.get(name="region")
    page = url(GlobalVariable, "changelist")
    delete_selected(operator, page, row.pk)
    assert not GlobalVariable.objects.filter(pk=row.pk).exists()
    again = delete_selected(operator, page, row.pk, follow=True)
    assert "Of the chosen rows 1 is not there: perhaps deleted meanwhile." in again.content.decode()


def test_a_user_that_another_changed_is_not_deleted_unseen(superuser: Client) -> None:
    olga = User.objects.create_user("olga", is_staff=True)
    page = url(User, "delete", olga.pk)
    mine = version_in(superuser.get(page))
    olga.groups.add(Group.objects.get(name="Auditors"))
    shown = superuser.post(page, mine | {"post": "yes"})
    assert "groups added: Auditors" in shown.content.decode()
    assert User.objects.filter(pk=olga.pk).exists()
    assert superuser.post(page, version_in(shown) | {"post": "yes"}).status_code == SAVED
    assert not User.objects.filter(pk=olga.pk).exists()


def test_a_group_that_got_a_member_is_not_deleted_unseen(superuser: Client) -> None:
    group = Group.objects.create(name="Night shift")
    page = url(Group, "delete", group.pk)
    mine = version_in(superuser.get(page))
    User.objects.create_user("olga", is_staff=True).groups.add(group)
    shown = superuser.post(page, mine | {"post": "yes"})
    assert shown.status_code == CONFLICT
    assert "groups added: Night shift" in shown.content.decode()
    assert Group.objects.filter(pk=group.pk).exists()
    assert superuser.post(page, version_in(shown) | {"post": "yes"}).status_code == SAVED


def password_form(text: str) -> dict[str, str]:
    return {"usable_password": "true", "password1": text, "password2": text, "set-password": "Change"}


def test_a_password_that_another_set_is_not_replaced_unseen(superuser: Client) -> None:
    olga = User.objects.create_user("olga", is_staff=True, password="before")
    page = reverse("admin:auth_user_password_change", args=[olga.pk])
    mine = version_in(superuser.get(page))
    assert act(superuser, page, password_form("theirs-of-19-letters")).status_code == SAVED
    shown = superuser.post(page, mine | password_form("mine-of-17-letters"))
    assert shown.status_code == CONFLICT
    assert "password set" in shown.content.decode()
    assert "mine-of-17-letters" not in shown.content.decode()
    olga.refresh_from_db()
    assert olga.check_password("theirs-of-19-letters")
    assert superuser.post(page, version_in(shown) | password_form("mine-of-17-letters")).status_code == SAVED
    olga.refresh_from_db()
    assert olga.check_password("mine-of-17-letters")


def test_a_form_of_a_password_tells_no_hash(superuser: Client) -> None:
    olga = User.objects.create_user("olga", is_staff=True, password="before")
    version = version_in(superuser.get(reverse("admin:auth_user_password_change", args=[olga.pk])))[
        "made_from"
    ]
    assert olga.password not in str(SIGNER.unsign_object(version))


@pytest.mark.parametrize("is_new", [True, False])
def test_a_new_default_takes_the_place_of_none_that_its_form_did_not_know(
    cast: Cast, operator: Client, *, is_new: bool
) -> None:
    billing = cast.billing
    AccessGrant.objects.filter(relying_party=billing).update(is_default=False)
    first, mine = (
        ResourceServer(issuer=cast.oidc_m2m, identifier=f"https://{name}.example", scopes=["x"])
        for name in ("first", "mine")
    )
    for server in (first, mine):
        server.checked().save()
    if is_new:
        page = url(AccessGrant, "add") + f"?relying_party={billing.pk}"
        form = form_of(operator, page) | {"resource_server": mine.pk, "scopes": "x", "is_default": "on"}
    else:
        grant = AccessGrant(relying_party=billing, resource_server=mine, scopes=["x"])
        grant.checked().save()
        page = url(AccessGrant, "change", grant.pk)
        form = form_of(operator, page) | {"is_default": "on"}
    theirs = AccessGrant(relying_party=billing, resource_server=first, scopes=["x"], is_default=True)
    theirs.checked().save()

    shown = operator.post(page, form)

    assert "The default is the grant for https://first.example now. Save again" in shown.text
    assert AccessGrant.objects.get(relying_party=billing, is_default=True) == theirs
    again = form_in(shown)
    assert again["scopes"] == "x"
    saved = operator.post(page, again, follow=True)
    assert "The grant for https://first.example is no longer the default." in saved.text
    assert AccessGrant.objects.get(relying_party=billing, is_default=True).resource_server == mine


def test_of_two_defaults_at_once_one_is_asked_again(cast: Cast, operator: Client, other: Client) -> None:
    AccessGrant.objects.filter(relying_party=cast.billing).update(is_default=False)
    pages = []
    for name in ("one", "two"):
        server = ResourceServer(issuer=cast.oidc_m2m, identifier=f"https://{name}.example", scopes=["x"])
        server.checked().save()
        grant = AccessGrant(relying_party=cast.billing, resource_server=server, scopes=["x"])
        grant.checked().save()
        pages.append(url(AccessGrant, "change", grant.pk))
    forms = [
        form_of(client, page) | {"is_default": "on"}
        for client, page in zip((operator, other), pages, strict=True)
    ]
    answers = all_at_once(partial(operator.post, pages[0], forms[0]), partial(other.post, pages[1], forms[1]))
    assert sorted(answer.status_code for answer in answers) == [200, SAVED]
    assert AccessGrant.objects.filter(relying_party=cast.billing, is_default=True).count() == 1
    [asked] = [answer for answer in answers if answer.status_code == 200]
    assert "Save again to make this one the default in its place." in asked.text


def test_of_a_change_and_a_deletion_at_once_one_is_stopped(
    cast: Cast, operator: Client, other: Client
) -> None:
    for number in range(5):
        row = GlobalVariable(name=f"zone{number}", value="1")
        row.checked().save()
        change, delete = url(GlobalVariable, "change", row.pk), url(GlobalVariable, "delete", row.pk)
        theirs = form_of(other, change) | {"value": '"theirs"'}
        mine = version_in(operator.get(delete)) | {"post": "yes"}
        answers = all_at_once(partial(operator.post, delete, mine), partial(other.post, change, theirs))
        kept = GlobalVariable.objects.filter(pk=row.pk).first()
        assert answers[0].status_code == (SAVED if kept is None else CONFLICT)
        assert kept is None or kept.value == "theirs"
