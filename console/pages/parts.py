"""Grants and rules of a client on pages of their own: one form each, in a paged list, however many there are."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

from console.configuration_admin import ConfigurationAdmin, ConfigurationForm
from console.grant_form import GrantForm, let_defaults_step_down
from console.row_ids import is_id
from console.site import site
from relying_parties.models import AccessGrant, RelyingParty, RequestRule


class OfClient(SimpleListFilter):
    """One client's, named in the address; thousands of clients would make no list to choose from."""

    title = "client"
    parameter_name = "relying_party"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        value = request.GET.get(self.parameter_name, "")
        chosen = RelyingParty.objects.filter(pk=value).first() if is_id(value) else None
        return [(value, str(chosen or "No such client"))] if value else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is None:
            return queryset
        return queryset.filter(relying_party_id=value) if is_id(value) else queryset.none()


class PartAdmin(ConfigurationAdmin):
    """Reached from its client's page; the index does not list it."""

    list_filter = (OfClient,)
    autocomplete_fields: ClassVar[tuple[str, ...]] = ("relying_party",)
    fixed_fields: ClassVar[tuple[str, ...]] = ("relying_party",)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        return lookup == OfClient.parameter_name or super().lookup_allowed(lookup, value, request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return False


class OneGrantForm(GrantForm, ConfigurationForm):
    """A grant on a page of its own."""


@admin.register(AccessGrant, site=site)
class AccessGrantAdmin(PartAdmin):
    form = OneGrantForm
    list_display = ("resource_server", "relying_party", "scope_count", "is_default")
    list_select_related = ("resource_server", "relying_party")
    search_fields = (
        "relying_party__client_id",
        "relying_party__name",
        "resource_server__identifier",
        "resource_server__name",
    )
    autocomplete_fields: ClassVar[tuple[str, ...]] = ("relying_party", "resource_server")
    fields = ("relying_party", "resource_server", "scopes", "is_default")

    @admin.display(description="scopes")
    def scope_count(self, grant: AccessGrant) -> int:
        return len(grant.scopes) if isinstance(grant.scopes, list) else 0

    def save_model(self, request: HttpRequest, obj: AccessGrant, form: Any, change: bool) -> None:  # noqa: FBT001
        if obj.is_default:
            for name in let_defaults_step_down(obj.relying_party, but=[obj.pk] if obj.pk else []):
                messages.warning(request, f"The grant for {name} was the default, and is it no more.")
        super().save_model(request, obj, form, change)


@admin.register(RequestRule, site=site)
class RequestRuleAdmin(PartAdmin):
    list_display = ("parameter", "relying_party", "regex")
    list_select_related = ("relying_party",)
    search_fields = ("relying_party__client_id", "relying_party__name", "parameter")
    fields = ("relying_party", "parameter", "regex", "message")
