"""Users and the roles that they have; only a superuser comes here."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group, User
from django.db.models import ManyToManyField
from django.forms import CheckboxSelectMultiple

from console.generics import UserAdmin
from console.row_ids import RowIds
from console.site import site


@admin.register(User, site=site)
class ConsoleUserAdmin(RowIds, UserAdmin):
    list_display = ("username", "first_name", "last_name", "is_active", "is_superuser", "last_login")
    readonly_fields = ("last_login", "date_joined")
    list_filter = ("is_active", "is_superuser", "groups")
    filter_horizontal = ()
    formfield_overrides: ClassVar[Any] = {ManyToManyField: {"widget": CheckboxSelectMultiple}}
    fieldsets = (
        (None, {"fields": ("username", "password")}),
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


@admin.register(Group, site=site)
class ConsoleGroupAdmin(RowIds, GroupAdmin):
    pass
