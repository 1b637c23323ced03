"""P10.1: who may see and do what: role x URL x method, forged POSTs included."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db.models import Model
from django.test import Client

from issuers.models import ConfigurationRevision
from keys.models import SigningKey
from relying_parties.models import ClientSecret, FederatedCredential, TrustedIssuer
from tests.console.conftest import Roles
from tests.console.forms import version_in
from tests.console.pages import (
    CONFIGURATION,
    MODELS,
    PEOPLE,
    READ_ONLY,
    TABS,
    act_urls,
    activation_urls,
    federation_urls,
    fill_every_table,
    object_urls,
    record_urls,
    tab_urls,
)
from tests.support.cast import Cast
from tests.support.wire import ask

LOGIN, SEEN, REFUSED, NOT_ALLOWED = 302, 200, 403, 405
READING = ("changelist", "change", "history")
WRITING = ("add", "delete")
CLIENT_ACTS = (
    "disable",
    "enable",
    "generate",
    "rotate secret",
    "revoke",
    "expiry",
    "change identifier",
    "try",
)
KEY_ACTS = ("create key", "import key", "rotate", "revoke key", "certificate request", "chain")
FEDERATION_ACTS = ("add federated", "change federated", "delete federated", "presets", "preset")
RECORD_READINGS = (
    "activity",
    "access",
    "access CSV",
    "timeline",
    "client's timeline",
    "tidy",
    "token",
    "find",
    "credential",
    "why",
    "then",
)
OF_EVERYBODY = ("overview", "sessions", "second factor")
OF_SUPERUSERS = ("reset second factor",)
READING_ACTS = (
    *TABS[1:],
    "yaml",
    "hand over",
    "API access",
    "API verify",
    "preview",
    "preview template",
    "export",
    "export with proofs",
    "certificate",
    "integrity",
    "contain",
    "evidence",
    *RECORD_READINGS,
)
FORGED: dict[str, Any] = {
    "post": "yes",
    "_save": "Save",
    "name": "forged",
    "action": "delete_selected",
    "index": "0",
}
FORGED_ACT = {
    "label": "forged",
    "word": "revoke",
    "ends_at": "2099-01-01T00:00:00",
    "subject": "forged",
    "claims": "{}",
    "issuer_name": "forged",
    "part_unique_id": "1",
    "part_email": "forged@example.com",
    "token": "forged",
}

pytestmark = [pytest.mark.contract("P10.1"), pytest.mark.slow]


def expected(role: str, model: type[Model], page: str) -> int:
    if role == "anonymous":
        return LOGIN
    if role == "nobody":
        return REFUSED
    if model in PEOPLE:
        return SEEN if role == "superuser" else REFUSED
    if page in WRITING and (model in READ_ONLY or role == "auditor"):
        return REFUSED
    return SEEN


@pytest.mark.parametrize("role", ["anonymous", "nobody", "auditor", "operator", "superuser"])
def test_each_role_sees_its_pages_and_no_other(cast: Cast, roles: Roles, role: str) -> None:
    fill_every_table(cast)
    seen = {
        (model.__name__, page): roles[role].get(url).status_code
        for model in MODELS
        for page, url in object_urls(model).items()
    }
    assert seen == {
        (model.__name__, page): expected(role, model, page)
        for model in MODELS
        for page in (*READING, *WRITING)
    }


@pytest.mark.parametrize(
    ("role", "refused"),
    [
        (
            "anonymous",
            {
                *CLIENT_ACTS,
                *KEY_ACTS,
                *FEDERATION_ACTS,
                *READING_ACTS,
                "acknowledge",
                *OF_EVERYBODY,
                *OF_SUPERUSERS,
            },
        ),
        ("nobody", {*CLIENT_ACTS, *KEY_ACTS, *FEDERATION_ACTS, *READING_ACTS, "acknowledge", *OF_SUPERUSERS}),
        ("auditor", {*CLIENT_ACTS, *KEY_ACTS, *FEDERATION_ACTS, *OF_SUPERUSERS}),
        ("operator", {"acknowledge", *OF_SUPERUSERS}),
        ("superuser", set()),
    ],
)
def test_each_role_sees_its_acts_and_no_other(cast: Cast, roles: Roles, role: str, refused: set[str]) -> None:
    fill_every_table(cast)
    answers = {act: roles[role].get(url).status_code for act, url in acts(cast).items()}
    assert {act for act, status in answers.items() if status != SEEN} == refused


@pytest.mark.parametrize("role", ["anonymous", "nobody", "auditor"])
def test_no_forged_post_of_a_reader_changes_anything(cast: Cast, roles: Roles, role: str) -> None:
    fill_every_table(cast)
    pages = [*acts(cast).values(), *(page for model in MODELS for page in object_urls(model).values())]
    versions = {page: version_in(roles["superuser"].get(page)) for page in pages}
    before = state()
    for model in MODELS:
        for url in object_urls(model).values():
            chosen = {"_selected_action": model._default_manager.values_list("pk")[:1]}
            roles[role].post(url, FORGED | chosen | versions[url])
    for url in acts(cast).values():
        trusted = TrustedIssuer.objects.get().pk
        form = FORGED_ACT | {"newest": newest_secret_id(cast), "trusted_issuer": trusted}
        roles[role].post(url, form | versions[url])
    for url in activation_urls():
        assert roles[role].post(url).status_code in {LOGIN, REFUSED}
    assert state() == before


@pytest.mark.parametrize("role", ["operator", "superuser"])
@pytest.mark.parametrize("model", READ_ONLY)
def test_no_forged_post_changes_the_record_or_a_key(
    cast: Cast, roles: Roles, role: str, model: type[Model]
) -> None:
    fill_every_table(cast)
    before, row = state(), model._default_manager.values_list("pk", flat=True).first()
    answers = [
        roles[role].post(url, FORGED | {"_selected_action": [row]}).status_code
        for page, url in object_urls(model).items()
        if page not in {"changelist", "history"}
    ]
    roles[role].post(object_urls(model)["changelist"], FORGED | {"_selected_action": [row]})
    assert (state(), answers) == (before, [REFUSED] * len(answers))


@pytest.mark.parametrize("role", ["auditor", "operator", "superuser"])
def test_the_overviews_of_the_record_are_only_read(cast: Cast, roles: Roles, role: str) -> None:
    fill_every_table(cast)
    before = state()
    # A token, a name or a request is pasted by POST, and changes nothing either.
    answers = {name: roles[role].post(url, FORGED).status_code for name, url in record_urls(cast).items()}
    assert state() == before
    assert {name for name, status in answers.items() if status != NOT_ALLOWED} == {"token", "find", "why"}


def test_who_sees_the_record_alone_sees_no_history_of_the_configuration(cast: Cast) -> None:
    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_issuanceevent"))
    client = Client()
    client.force_login(reader)
    ask(auth=cast.basic("billing"))
    answers = {name: client.get(url).status_code for name, url in record_urls(cast).items()}
    assert {name for name, status in answers.items() if status != SEEN} == {
        "access", "access CSV", "timeline", "client's timeline", "credential", "then", "tidy", "why",
    }  # fmt: skip


@pytest.mark.parametrize("model", PEOPLE)
def test_an_operator_makes_no_user_and_no_role(cast: Cast, operator: Client, model: type[Model]) -> None:
    before = state()
    answers = {operator.post(url, FORGED).status_code for url in object_urls(model).values()}
    assert (answers, state()) == ({REFUSED}, before)


@pytest.mark.parametrize("model", CONFIGURATION)
def test_a_post_without_its_csrf_token_is_refused(cast: Cast, model: type[Model]) -> None:
    fill_every_table(cast)
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("root"))
    before = state()
    response = client.post(object_urls(model)["delete"], FORGED)
    assert (response.status_code, state()) == (REFUSED, before)
    assert b"protection against forgery" in response.content


def test_an_operator_creates_a_key_and_says_so_in_the_log(cast: Cast, operator: Client) -> None:
    operator.post(act_urls(cast)["create key"])
    key = SigningKey.objects.get(issuer=cast.oidc_m2m, alg="ES256")
    assert key.history.get().history_user_id == "olga"
    assert LogEntry.objects.get(object_id=key.pk).user.username == "olga"


def test_a_key_is_not_created_twice(cast: Cast, operator: Client) -> None:
    for _ in range(2):
        operator.post(act_urls(cast)["create key"])
    assert SigningKey.objects.filter(issuer=cast.oidc_m2m, alg="ES256").count() == 1


def acts(cast: Cast) -> dict[str, str]:
    return act_urls(cast) | federation_urls(cast) | record_urls(cast) | tab_urls(cast)


def state() -> tuple[Any, ...]:
    return (
        ConfigurationRevision.objects.get().number,
        LogEntry.objects.count(),
        list(User.objects.values_list("username", "is_staff", "is_superuser")),
        *(model._default_manager.count() for model in MODELS),
        list(SigningKey.objects.values_list("pk", "activates_at", "revoked_at", "certificate_chain")),
        list(FederatedCredential.objects.values_list("label", "subject")),
        ClientSecret.objects.filter(revoked_at__isnull=True, expires_at__isnull=True).count(),
    )


def newest_secret_id(cast: Cast) -> int:
    return ClientSecret.objects.filter(relying_party=cast.billing).latest("pk").pk
