from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from console.admin_base.fields.values import Lines
from console.admin_base.versions.configuration_admin import ConfigurationAdmin, ConfigurationForm
from console.apis.api_tabs import ApiTabs
from console.apis.identifier_change import IdentifierChange
from console.site.admin_site import site
from relying_parties.models import ResourceServer


class ResourceServerForm(ConfigurationForm):
    scopes = Lines(required=False, help_text="One to a line, such as invoices.read.")

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        asked = self.data.get("identifier", self.instance.identifier)
        if "identifier" not in self.fields and asked != self.instance.identifier:
            raise ValidationError(
                "Nothing was saved: the identifier is fixed, since it was granted after this form was opened."
            )
        return cleaned


@admin.register(ResourceServer, site=site)
class ResourceServerAdmin(IdentifierChange, ApiTabs, ConfigurationAdmin):
    change_form_template = "console/api.html"
    form = ResourceServerForm
    list_display = ("identifier", "name", "issuer", "scope_list")
    list_filter = ("issuer",)
    list_select_related = ("issuer",)
    search_fields = ("identifier", "name")
    autocomplete_fields = ("issuer",)
    fields = ("issuer", "identifier", "name", "scopes", "token_typ")
    readonly_fields = ("fixed_identifier",)
    fixed_fields: ClassVar[tuple[str, ...]] = ("issuer",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A granted identifier is shown with the reason why it is fixed."""
        fields = super().get_fields(request, obj)
        if obj is None or not self.has_change_permission(request, obj) or not obj.grants.exists():
            return fields
        return ["fixed_identifier" if name == "identifier" else name for name in fields]

    @admin.display(description="identifier")
    def fixed_identifier(self, server: ResourceServer) -> str:
        return format_html(
            '<code>{}</code><p>Fixed: the tokens of {} carry it as aud. <a href="{}">Change the identifier…</a></p>',
            server.identifier,
            server.clients_in_words,
            reverse("admin:relying_parties_resourceserver_identifier", args=[server.pk]),
        )

    @admin.display(description="scopes")
    def scope_list(self, server: ResourceServer) -> str:
        return " ".join(server.scopes)
