from typing import ClassVar

from django.contrib import admin

from console.configuration_admin import ConfigurationAdmin, ConfigurationForm
from console.fields import Lines
from console.site import site
from relying_parties.models import ResourceServer


class ResourceServerForm(ConfigurationForm):
    scopes = Lines(required=False, help_text="One to a line, such as invoices.read.")


@admin.register(ResourceServer, site=site)
class ResourceServerAdmin(ConfigurationAdmin):
    form = ResourceServerForm
    list_display = ("identifier", "name", "issuer", "scope_list")
    list_filter = ("issuer",)
    list_select_related = ("issuer",)
    search_fields = ("identifier", "name")
    autocomplete_fields = ("issuer",)
    fields = ("issuer", "identifier", "name", "scopes", "token_typ")
    fixed_fields: ClassVar[tuple[str, ...]] = ("issuer",)

    @admin.display(description="scopes")
    def scope_list(self, server: ResourceServer) -> str:
        return " ".join(server.scopes)
