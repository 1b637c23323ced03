"""Who changed users, groups and their permissions, and what of them: a sealed row for each, whatever the channel."""

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from audit.models import Checkpoint, OperationalEvent
from audit.sealing.leaves import unpacked
from configuration.first_users import create_first_users
from console.admin_base.versions.made_from import MADE_FROM
from console.site.admin_site import site
from issuers.versioning.history import current_actor
from tests.console.forms import act
from tests.console.pages import url
from tests.support.failing import refusing
from upkeep.sealing import seal

pytestmark = pytest.mark.contract("P10.9")

PASSWORD = "correct horse battery"
TABLE = "audit_operationalevent"


def changes() -> list[tuple[str, str, str, str]]:
    """Actor, channel, account and change of each row, oldest first; those of the fixtures are left out."""
    rows = OperationalEvent.objects.filter(kind="account_changed").order_by("id")
    told = rows.exclude(target="user root").values_list("actor", "source", "target", "detail")
    return list(told)


def form(browser: Client, page: str, **values: object) -> dict[str, object]:
    """What a browser would send of the page's form, with these values in it."""
    context = browser.get(page).context
    initial = context["adminform"].form
    filled = {name: initial.get_initial_for_field(field, name) for name, field in initial.fields.items()}
    kept = {
        name: [row.pk for row in value] if isinstance(value, list) else value
        for name, value in filled.items()
    }
    kept[MADE_FROM] = context[MADE_FROM]
    return {name: value for name, value in (kept | values).items() if value not in (None, False)}


def test_a_user_made_and_changed_in_the_console_is_recorded_with_who_did_it(superuser: Client) -> None:
    operators = Group.objects.get(name="Operators")
    page = url(User, "add")
    answer = superuser.post(page, {
        "username": "olga", "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD,
        "is_staff": "on", "groups": [operators.pk],
    })  # fmt: skip
    assert answer.status_code == 302
    olga = User.objects.get(username="olga")
    page = url(User, "change", olga.pk)
    change = {"username": "olga2", "email": "o@example.com", "is_superuser": "on", "groups": []}
    assert superuser.post(page, form(superuser, page, **change)).status_code == 302
    assert act(superuser, url(User, "delete", olga.pk), {"post": "yes"}).status_code == 302
    assert changes() == [
        ("root", "admin", "user olga", "created; is_active; is_staff; with a password"),
        ("root", "admin", "user olga", "groups added: Operators"),
        ("root", "admin", "user olga",
         "is_superuser: False -> True; username: olga -> olga2; email changed"),
        ("root", "admin", "user olga2", "groups removed: Operators"),
        ("root", "admin", "user olga2", "deleted"),
    ]  # fmt: skip


def test_that_a_password_is_set_in_the_console_is_recorded_and_the_password_is_not(superuser: Client) -> None:
    olga = User.objects.create_user("olga", password="former password")
    page = f"/admin/auth/user/{olga.pk}/password/"
    new = {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    assert act(superuser, page, new).status_code == 302
    assert act(superuser, page, {"usable_password": "false", "unset-password": ""}).status_code == 302
    own = {"old_password": "", "new_password1": PASSWORD, "new_password2": PASSWORD}
    root = User.objects.get(username="root")
    root.set_password("root's own")
    root.save()
    superuser.force_login(root)
    answer = superuser.post("/admin/password_change/", own | {"old_password": "root's own"})
    assert answer.status_code == 302
    assert [change[2:] for change in changes()[1:]] == [
        ("user olga", "password set"),
        ("user olga", "password removed"),
    ]
    last = OperationalEvent.objects.filter(target="user root").latest("id")
    assert (last.actor, last.detail) == ("root", "password set")
    told = str(list(OperationalEvent.objects.values()))
    assert PASSWORD not in told
    assert "pbkdf2" not in told
    assert User.objects.get(username="root").password not in told


def test_groups_and_their_permissions_are_recorded_by_name(superuser: Client) -> None:
    readings = Permission.objects.filter(codename__in=["view_issuer", "view_user"]).order_by("codename")
    page = url(Group, "add")
    reading = {"name": "Readers", "permissions": [row.pk for row in readings]}
    assert superuser.post(page, reading).status_code == 302
    group = Group.objects.get(name="Readers")
    page = url(Group, "change", group.pk)
    less = {"name": "Lookers", "permissions": [readings[0].pk]}
    assert superuser.post(page, form(superuser, page, **less)).status_code == 302
    assert act(superuser, url(Group, "delete", group.pk), {"post": "yes"}).status_code == 302
    assert changes() == [
        ("root", "admin", "group Readers", "created"),
        ("root", "admin", "group Readers", "permissions added: auth.view_user, issuers.view_issuer"),
        ("root", "admin", "group Readers", "name: Readers -> Lookers"),
        ("root", "admin", "group Lookers", "permissions removed: auth.view_user"),
        ("root", "admin", "group Lookers", "deleted"),
    ]


def test_commands_and_the_first_users_are_recorded_too(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    create_first_users()
    call_command("createsuperuser", "--noinput", "--username", "eve", "--email", "e@example.com")
    User.objects.get(username="eve").delete()
    who = (current_actor(), "command")
    assert changes() == [
        (*who, "user admin", "created; is_active; is_staff; is_superuser; with a password"),
        (*who, "user operator", "created; is_active; is_staff; with a password"),
        (*who, "user operator", "groups added: Operators"),
        (*who, "user auditor", "created; is_active; is_staff; with a password"),
        (*who, "user auditor", "groups added: Auditors"),
        (*who, "user eve", "created; is_active; is_staff; is_superuser; with a password"),
        (*who, "user eve", "deleted"),
    ]


def test_members_are_recorded_from_either_side_and_what_changes_nothing_is_not(db: None) -> None:
    ann, bob = (User.objects.create_user(name) for name in ("ann", "bob"))
    group = Group.objects.create(name="Readers")
    before = len(changes())
    group.user_set.add(ann, bob)
    group.user_set.add(ann)
    bob.groups.clear()
    bob.groups.remove(group)
    ann.user_permissions.add(Permission.objects.get(codename="view_issuer"))
    ann.save()
    assert [change[2:] for change in changes()[before:]] == [
        ("group Readers", "users added: ann, bob"),
        ("user bob", "groups removed: Readers"),
        ("user ann", "permissions added: issuers.view_issuer"),
    ]


def test_more_permissions_than_a_row_holds_are_all_recorded(db: None) -> None:
    group = Group.objects.create(name="Everything")
    group.permissions.set(Permission.objects.all())
    told = ", ".join(change[3].partition(": ")[2] for change in changes()[1:])
    assert len(told.split(", ")) == Permission.objects.count() > 50


def test_a_change_that_cannot_be_recorded_does_not_happen(superuser: Client) -> None:
    olga, group = User.objects.create_user("olga"), Group.objects.create(name="Readers")
    superuser.raise_request_exception = False
    with refusing("INSERT", TABLE):
        for act in (
            lambda: User.objects.create_superuser("eve", password=PASSWORD),
            lambda: olga.groups.add(group),
            lambda: group.permissions.add(Permission.objects.all()[0]),
            olga.delete,
            group.delete,
        ):
            with pytest.raises(DatabaseError):
                act()
        olga.is_superuser = True
        with pytest.raises(DatabaseError):
            olga.save()
        add = {"username": "eve", "password1": PASSWORD, "password2": PASSWORD}
        assert superuser.post(url(User, "add"), add).status_code >= 500
    olga = User.objects.get(username="olga")
    assert (olga.is_superuser, olga.groups.count(), group.permissions.count()) == (False, 0, 0)
    assert not User.objects.filter(username="eve").exists()


def test_the_rows_are_sealed(cast: object) -> None:
    User.objects.create_user("ann")
    seal(timezone.now())
    row = OperationalEvent.objects.latest("id")
    leaves = [leaf for checkpoint in Checkpoint.objects.all() for leaf in unpacked(bytes(checkpoint.leaves))]
    assert (TABLE, row.pk) in [(leaf.table, leaf.id) for leaf in leaves]


def test_auditors_read_them_in_the_console(auditor: Client) -> None:
    page = auditor.get(url(OperationalEvent, "changelist")).content.decode()
    assert "groups added: Auditors" in page
    assert "user aud" in page
    assert site.is_registered(OperationalEvent)
