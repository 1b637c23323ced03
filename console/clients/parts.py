"""Grants and rules of a client on pages of their own: one form each, in a paged list, for any number of them."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import SimpleListFilter
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from console.admin_base.fields.values import Lines
from console.admin_base.row_ids import is_id
from console.admin_base.versions.configuration_admin import ConfigurationAdmin, ConfigurationForm
from console.clients.grant_form import GrantForm, defaults_beside, let_defaults_step_down
from console.site.admin_site import site
from relying_parties.models import AccessGrant, RelyingParty, RequestRule

NEW_DEFAULT = "The default is the grant for {} now. Save again to make this one the default in its place."


class OfClient(SimpleListFilter):
    """The grants or rules of one client, named in the address; a list of thousands of clients would be of no use."""

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


class InsteadOf(forms.CharField):
    """The key of the default when the form was made. Nobody types it: it never counts as changed."""

    widget = forms.HiddenInput

    def has_changed(self, initial: Any, data: Any) -> bool:
        return False


class OneGrantForm(GrantForm, ConfigurationForm):
    """A grant on a page of its own. The default that it replaces is not in the same form."""

    scopes = Lines(required=False, help_text="Some or all of the API's scopes, one to a line.")
    instead_of = InsteadOf(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        client = self.instance.relying_party_id or self.initial.get("relying_party")
        self.initial["instead_of"] = self._default_of(client) if is_id(str(client)) else ""

    def clean_instead_of(self) -> str:
        """Read after the fields of the grant."""
        seen: str = self.cleaned_data["instead_of"]
        client = self.cleaned_data.get("relying_party") or self.instance.relying_party_id
        if not self.cleaned_data.get("is_default") or client is None:
            return seen
        default = defaults_beside(client, but=self._own).first()
        if default and str(default.pk) != seen:
            # The form that is shown again was made with this default.
            data: Any = self.data.copy()  # type: ignore[attr-defined]
            data[self.add_prefix("instead_of")] = str(default.pk)
            self.data = data
            self.add_error("is_default", NEW_DEFAULT.format(default.resource_server))
        return seen

    @property
    def _own(self) -> list[int]:
        return [self.instance.pk] if self.instance.pk else []

    def _default_of(self, client: Any) -> str:
        default = defaults_beside(client, but=self._own).first()
        return str(default.pk) if default else ""


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

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        can_save = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        return (*self.fields, "instead_of") if can_save else self.fields

    @admin.display(description="scopes")
    def scope_count(self, grant: AccessGrant) -> int:
        return len(grant.scopes) if isinstance(grant.scopes, list) else 0

    def save_model(self, request: HttpRequest, obj: AccessGrant, form: Any, change: bool) -> None:  # noqa: FBT001
        if obj.is_default:
            for other in let_defaults_step_down(obj.relying_party, but=[obj.pk] if obj.pk else []):
                if str(other.pk) != form.cleaned_data["instead_of"]:
                    raise ValidationError(NEW_DEFAULT.format(other.resource_server))
                messages.warning(request, f"The grant for {other.resource_server} is no longer the default.")
        super().save_model(request, obj, form, change)


@admin.register(RequestRule, site=site)
class RequestRuleAdmin(PartAdmin):
    list_display = ("parameter", "relying_party", "regex")
    list_select_related = ("relying_party",)
    search_fields = ("relying_party__client_id", "relying_party__name", "parameter")
    fields = ("relying_party", "parameter", "regex", "message")
