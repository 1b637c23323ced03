from typing import Any, ClassVar

from django.contrib import admin

from console.admin_base.versions.configuration_admin import ConfigurationAdmin
from console.site.admin_site import site
from issuers.models import GlobalVariable


@admin.register(GlobalVariable, site=site)
class GlobalVariableAdmin(ConfigurationAdmin):
    list_display = ("name", "scope", "value")
    list_filter = ("issuer",)
    list_select_related = ("issuer",)
    search_fields = ("name",)
    autocomplete_fields = ("issuer",)
    fields = ("issuer", "name", "placeholder", "value")
    readonly_fields = ("placeholder",)
    fixed_fields: ClassVar[tuple[str, ...]] = ("issuer",)

    @admin.display(description="issuer", ordering="issuer", empty_value="all issuers")
    def scope(self, variable: GlobalVariable) -> Any:
        return variable.issuer

    @admin.display(description="in a template")
    def placeholder(self, variable: GlobalVariable) -> str:
        return f"${{globals.{variable.name or 'NAME'}}}"
