"""Users and their roles; only a superuser sees these pages."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import ManyToManyField
from django.forms import CheckboxSelectMultiple
from django.http import HttpRequest

from console.admin_base.change_history import Change
from console.admin_base.generics import UserAdmin, UserChangeForm
from console.admin_base.row_ids import is_id
from console.admin_base.versions.made_from import MADE_FROM, conflict, sent_version, stale_act, with_context
from console.admin_base.versions.merged_form import Before
from console.admin_base.versions.versioned_page import RefusableForm, VersionedPage
from console.people import people_version
from console.people.people_version import PASSWORD
from console.people.second_factor_reset import SecondFactorReset
from console.site.admin_site import site
from issuers.versioning.version_of import StaleVersionError


class PeoplePage(VersionedPage):
    def version(self, pk: int) -> str:
        return people_version.version(self.model, pk)

    def require_version(self, pk: int, seen: str) -> None:
        people_version.require_version(self.model, pk, seen)

    def version_of_all(self, pk: int) -> str:
        return people_version.version(self.model, pk, *self._members)

    def require_version_of_all(self, pk: int, seen: str) -> None:
        people_version.require_version(self.model, pk, seen, *self._members)

    def changes_of_all_since(self, row: Any, seen: str) -> Sequence[Change]:
        return people_version.changes_since(row, seen, *self._members)

    @property
    def _members(self) -> Sequence[str]:
        """What is deleted together with what the form shows."""
        return ["user"] if self.model is Group else []

    def before(self, row: Any, seen: str) -> Before | None:
        return people_version.before(seen)

    def changes_since(self, row: Any, seen: str) -> Sequence[Change]:
        return people_version.changes_since(row, seen)


class UserForm(RefusableForm, UserChangeForm):
    pass


@admin.register(User, site=site)
class ConsoleUserAdmin(SecondFactorReset, PeoplePage, UserAdmin):
    form = UserForm
    list_display = ("username", "first_name", "last_name", "is_active", "is_superuser", "last_login")
    readonly_fields = ("second_factor", "last_login", "date_joined")
    list_filter = ("is_active", "is_superuser", "groups")
    filter_horizontal = ()
    formfield_overrides: ClassVar[Any] = {ManyToManyField: {"widget": CheckboxSelectMultiple}}
    fieldsets = (
        (None, {"fields": ("username", "password", "second_factor")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        (
            "Role",
            {
                "fields": ("is_active", "is_staff", "groups", "is_superuser"),
                "description": "Operators configure. Auditors read the record and the configuration. "
                "A superuser manages users too. Without staff status nobody can log in here.",
            },
        ),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "usable_password", "password1", "password2", "is_staff", "groups")}),
    )

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:  # noqa: A002
        """Locked from the start: the form saves the whole row, after the time that hashing takes."""
        key = unquote(id)
        if not is_id(key):
            return super().user_change_password(request, id, form_url)
        if request.method != "POST":
            return self._password_form(request, id, form_url)
        try:
            with transaction.atomic():
                people_version.require_version(User, int(key), sent_version(request), PASSWORD)
                response = super().user_change_password(request, id, form_url)
            return with_context(response, {MADE_FROM: sent_version(request)})
        except StaleVersionError:
            return self._password_form(request, id, form_url, is_stale=True)

    def _password_form(self, request: HttpRequest, key: str, form_url: str, *, is_stale: bool = False) -> Any:
        """Empty: a password is never shown again."""
        seen, pk = sent_version(request), int(unquote(key))
        context: dict[str, Any] = {MADE_FROM: people_version.version(User, pk, PASSWORD)}
        request.method = "GET"
        response = super().user_change_password(request, key, form_url)
        if is_stale:
            row = User.objects.get(pk=pk)
            changes = people_version.changes_since(row, seen)
            context["stale"] = stale_act(changes, is_known=people_version.before(seen) is not None)
            conflict(response)
        return with_context(response, context)


@admin.register(Group, site=site)
class ConsoleGroupAdmin(PeoplePage, GroupAdmin):  # type: ignore[misc]
    form = RefusableForm
