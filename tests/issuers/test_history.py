"""issuers/versioning: a change, its author and the revision commit together or not at all."""

import getpass
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from issuers.models import ConfigurationRevision, GlobalVariable, Issuer
from issuers.versioning.history import Source, authored, history_together
from issuers.versioning.revision import one_revision
from keys.models import SigningKey
from relying_parties.models import (
    AccessGrant,
    ClaimTemplate,
    ClientSecret,
    RelyingParty,
    RequestRule,
    ResourceServer,
)
from relying_parties.secrets.credentials import add_generated_secret, revoke_secret
from tests.support.cast import Cast
from tests.support.failing import refusing

CONFIGURATION = (
    Issuer, GlobalVariable, SigningKey, ClaimTemplate, RelyingParty, ResourceServer, AccessGrant, ClientSecret,
    RequestRule,
)  # fmt: skip


def revision() -> int:
    return ConfigurationRevision.objects.get().number


def names(*names: str) -> list[GlobalVariable]:
    return [GlobalVariable(name=name, value=1) for name in names]


def told(**lookup: Any) -> list[tuple[str, str, str]]:
    """What the history tells of these variables, oldest first."""
    rows = GlobalVariable.history.filter(**lookup).order_by("history_id")
    return [(row.history_type, row.history_user_id, row.source) for row in rows]


CHANGES: dict[str, tuple[Callable[[], object], str]] = {
    "save new": (lambda: GlobalVariable(name="new", value=1).save(), "+"),
    "create": (lambda: GlobalVariable.objects.create(name="new", value=1), "+"),
    "get_or_create": (lambda: GlobalVariable.objects.get_or_create(name="new", defaults={"value": 1}), "+"),
    "bulk_create": (lambda: GlobalVariable.objects.bulk_create(names("new", "newer")), "+"),
    "save": (lambda: GlobalVariable.objects.get(name="region").save(), "~"),
    "save fields": (lambda: GlobalVariable.objects.get(name="region").save(update_fields=["value"]), "~"),
    "update_or_create": (
        lambda: GlobalVariable.objects.update_or_create(name="region", defaults={"value": 2}), "~",
    ),
    "update": (lambda: GlobalVariable.objects.filter(name="region").update(value=2), "~"),
    "bulk_update": (
        lambda: GlobalVariable.objects.bulk_update(GlobalVariable.objects.filter(name="region"), ["value"]), "~",
    ),
    "delete": (lambda: GlobalVariable.objects.get(name="region").delete(), "-"),
    "queryset delete": (lambda: GlobalVariable.objects.filter(name="region").delete(), "-"),
    "related manager": (lambda: Issuer.objects.get(path="other").global_variables.create(name="new", value=1), "+"),
    "related update": (lambda: Issuer.objects.get(path="oidc_m2m").global_variables.update(value=3), "~"),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_every_kind_of_change_tells_its_author_and_raises_the_revision(cast: Cast, change: str) -> None:
    act, history_type = CHANGES[change]
    before, last = revision(), GlobalVariable.history.latest("history_id").history_id
    with authored(actor="ann", source=Source.API):
        act()
    left = set(told(history_id__gt=last))
    assert left == {(history_type, "ann", "api")}
    assert revision() > before


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_whose_history_cannot_be_written_does_not_happen(cast: Cast, change: str) -> None:
    before = revision(), list(GlobalVariable.objects.order_by("id").values())
    with refusing("INSERT", "issuers_historicalglobalvariable"), pytest.raises(DatabaseError):
        CHANGES[change][0]()
    assert (revision(), list(GlobalVariable.objects.order_by("id").values())) == before


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_cannot_raise_the_revision_does_not_happen(cast: Cast, change: str) -> None:
    before = told(), list(GlobalVariable.objects.order_by("id").values())
    with refusing("UPDATE", "issuers_configurationrevision"), pytest.raises(DatabaseError):
        CHANGES[change][0]()
    assert (told(), list(GlobalVariable.objects.order_by("id").values())) == before


@pytest.mark.parametrize("model", CONFIGURATION)
def test_every_model_of_the_configuration_has_such_a_history(cast: Cast, model: Any) -> None:
    RequestRule(relying_party=cast.billing, parameter="env", regex="prod", message="no").checked().save()
    before = revision()
    row = model.objects.order_by("id").first()
    with authored(actor="ann", source=Source.FILE):
        row.save()
        model.objects.filter(pk=row.pk).update(id=row.pk)
    latest = row.history.order_by("-history_id")[:2]
    assert [(left.history_user_id, left.source, left.history_type) for left in latest] == [
        ("ann", "file", "~")
    ] * 2
    assert revision() == before + 2


def test_bulk_history_holds_what_was_written(cast: Cast) -> None:
    made = GlobalVariable.objects.bulk_create(names("a", "b"))
    GlobalVariable.objects.filter(name__in=["a", "b"]).update(value=[7])
    for variable in made:
        assert [row.value for row in variable.history.order_by("history_id")] == [1, [7]]
        assert variable.history.latest("history_id").name == variable.name


def test_a_change_outside_any_channel_is_a_command_of_the_systems_user(cast: Cast) -> None:
    GlobalVariable(name="new", value=1).save()
    GlobalVariable.objects.bulk_create(names("newer"))
    assert set(told(name__startswith="new")) == {("+", getpass.getuser(), "command")}


def test_an_author_ends_with_its_block(cast: Cast) -> None:
    with authored(actor="ann", source=Source.ADMIN):
        with pytest.raises(KeyError), authored(actor="bob", source=Source.FILE):
            raise KeyError
        GlobalVariable(name="new", value=1).save()
    GlobalVariable(name="newer", value=1).save()
    assert told(name="new") == [("+", "ann", "admin")]
    assert told(name="newer")[0][2] == "command"


def test_what_a_deletion_takes_with_it_leaves_history_too(cast: Cast) -> None:
    secrets = ClientSecret.history.filter(history_type="-")
    with authored(actor="ann", source=Source.ADMIN):
        cast.billing.delete()
    assert [row.history_user_id for row in secrets] == ["ann"]
    assert AccessGrant.history.filter(history_type="-").count() == 3


def test_a_rolled_back_change_never_was(cast: Cast) -> None:
    before = revision(), told()

    @transaction.atomic
    def change() -> None:
        GlobalVariable.objects.filter(name="region").update(value=2)
        GlobalVariable.objects.bulk_create(names("new", "new"))

    with pytest.raises(IntegrityError):
        change()
    assert (revision(), told()) == before
    assert GlobalVariable.objects.get().value == "eu-north"


def test_many_changes_can_raise_the_revision_once(cast: Cast) -> None:
    before = revision()
    with one_revision():
        for act, _ in CHANGES.values():
            with transaction.atomic():
                act()
                GlobalVariable.objects.filter(name__startswith="new").delete()
                GlobalVariable.objects.update_or_create(name="region", defaults={"value": 1})
        assert revision() == before
    assert revision() == before + 1


def left_by(acts: Iterable[Callable[[], object]]) -> list[tuple[str, str, str, str, object]]:
    """The history rows of these acts, which are then taken back, in their order."""
    with transaction.atomic():
        for act in acts:
            act()
        rows = GlobalVariable.history.order_by("history_id")
        left = [(row.history_type, row.history_user_id, row.source, row.name, row.value) for row in rows]
        transaction.set_rollback(True)
    return left


def test_history_that_is_written_together_is_what_each_change_leaves(cast: Cast) -> None:
    acts: list[Callable[[], object]] = [
        lambda: GlobalVariable(name="new", value=1).save(),
        lambda: GlobalVariable.objects.filter(name="new").update(value=2),
        lambda: GlobalVariable.objects.update_or_create(name="new", defaults={"value": 3}),
        lambda: GlobalVariable.objects.get(name="new").delete(),
        lambda: GlobalVariable.objects.get().save(),
    ]

    def together() -> None:
        with history_together():
            for act in acts:
                act()

    with authored(actor="ann", source=Source.FILE):
        one_by_one = left_by(acts)
        assert left_by([together]) == one_by_one
    assert [kind for kind, *_ in one_by_one[-5:]] == ["+", "~", "~", "-", "~"]


def test_the_history_of_a_block_that_raises_is_not_written(cast: Cast) -> None:
    before = told()

    def save_and_fail() -> None:
        with history_together():
            GlobalVariable.objects.get().save()
            raise KeyError

    with pytest.raises(KeyError):
        save_and_fail()
    assert told() == before


def test_many_changes_are_rolled_back_together(cast: Cast) -> None:
    before = revision(), told()
    with pytest.raises(IntegrityError), one_revision():
        GlobalVariable.objects.bulk_create(names("new", "new"))
    assert (revision(), told()) == before
    GlobalVariable(name="new", value=1).save()
    assert revision() == before[0] + 1


def test_no_history_holds_a_digest_or_a_private_key(cast: Cast) -> None:
    columns = {model: {field.name for field in model.history.model._meta.fields} for model in CONFIGURATION}
    assert "digest" not in columns[ClientSecret]
    assert "encrypted_private_key" not in columns[SigningKey]
    secret, text = add_generated_secret(relying_party=cast.billing)
    revoke_secret(secret, now=timezone.now())
    rows = str([list(model.history.values()) for model in CONFIGURATION])
    assert text not in rows
    assert secret.digest.partition(":")[2] not in rows
    assert "PRIVATE" not in rows
