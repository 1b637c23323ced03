"""Changes of users, groups and their permissions, as operational events.

Users and groups are Django's own models. The console's forms, `createsuperuser`, `changepassword` and code of this
product all end in their `save`, `delete` and relations, so the rows hang on Django's signals. A row is written before
its change, in the same transaction or in one that commits first: a change that cannot be recorded does not happen.
`QuerySet.update` and `bulk_create` send no signal; nothing of this product uses them on accounts.
"""

from collections.abc import Collection, Iterator
from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.db.models import Model
from django.db.models.signals import m2m_changed, pre_delete, pre_save
from django.dispatch import receiver
from django.utils import timezone

from audit.models import OperationalEvent
from audit.writing.operational_events import record_act

FLAGS = ("is_active", "is_staff", "is_superuser")
SHOWN = frozenset({"username", "name", *FLAGS})
"""Columns whose values are written down; of the others the name alone."""
IGNORED = frozenset({"id", "last_login"})
"""A sign-in is a row of its own."""
NAMES_A_ROW = 25
"""Of up to 150 characters each."""
VERBS = {"pre_add": "added", "pre_remove": "removed", "pre_clear": "removed"}


@receiver(pre_save, sender=User)
@receiver(pre_save, sender=Group)
def saves(
    sender: type[Model], instance: Any, update_fields: Collection[str] | None = None, **_signal: Any
) -> None:
    if update_fields is not None and IGNORED.issuperset(update_fields):
        return
    before = sender._default_manager.filter(pk=instance.pk).first() if instance.pk else None
    if before is None:
        _record(instance, _created(instance))
    elif changes := list(_changes(before, instance, update_fields)):
        _record(before, "; ".join(changes))


@receiver(pre_delete, sender=User)
@receiver(pre_delete, sender=Group)
def deletes(instance: Any, **_signal: Any) -> None:
    _record(instance, "deleted")


@receiver(m2m_changed, sender=User.groups.through)
@receiver(m2m_changed, sender=User.user_permissions.through)
@receiver(m2m_changed, sender=Group.permissions.through)
def links(
    sender: type[Model],
    instance: Any,
    action: str,
    model: type[Model],
    pk_set: set[int] | None = None,
    **_signal: Any,
) -> None:
    if action not in VERBS:
        return
    others = _linked(sender, instance, model)
    if action == "pre_add":
        others = (pk_set or set()) - others
    elif action == "pre_remove":
        others &= pk_set or set()
    names = sorted(_name(other) for other in model._default_manager.filter(pk__in=others))
    for start in range(0, len(names), NAMES_A_ROW):
        some = ", ".join(names[start : start + NAMES_A_ROW])
        _record(instance, f"{model._meta.verbose_name_plural} {VERBS[action]}: {some}")


def _linked(through: type[Model], instance: Model, model: type[Model]) -> set[int]:
    """The ids of that model that the instance is linked to now."""
    columns = {field.related_model: field.name for field in through._meta.fields if field.is_relation}
    rows = through._default_manager.filter(**{columns[type(instance)]: instance.pk})
    return set(rows.values_list(columns[model], flat=True))


def _created(instance: Any) -> str:
    if isinstance(instance, Group):
        return "created"
    flags = [name for name in FLAGS if getattr(instance, name)]
    password = "with a password" if instance.has_usable_password() else "without a password"
    return "; ".join(["created", *flags, password])


def _changes(before: Any, after: Any, saved: Collection[str] | None) -> Iterator[str]:
    for field in before._meta.concrete_fields:
        old, new = getattr(before, field.attname), getattr(after, field.attname)
        if field.name in IGNORED or old == new or (saved is not None and field.name not in saved):
            continue
        if field.name == "password":
            yield _password_change(after)
        elif field.name in SHOWN:
            yield f"{field.name}: {old} -> {new}"
        else:
            yield f"{field.name} changed"


def _password_change(user: User) -> str:
    if not user.has_usable_password():
        return "password removed"
    # Django keeps the new password until it is saved; a sign-in that renews an old hash has none.
    return "password set" if vars(user).get("_password") is not None else "password hash replaced"


def _name(instance: Any) -> str:
    if isinstance(instance, Permission):
        return f"{instance.content_type.app_label}.{instance.codename}"
    return str(instance)


def _record(instance: Model, detail: str) -> None:
    record_act(
        OperationalEvent.Kind.ACCOUNT_CHANGED,
        now=timezone.now(),
        target=f"{instance._meta.verbose_name} {_name(instance)}",
        detail=detail,
    )
