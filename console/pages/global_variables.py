from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin

from console.configuration_admin import ConfigurationAdmin
from console.site import site
from issuers.models import GlobalVariable
from relying_parties.models import RelyingParty


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

    def touched_relying_parties(self, row: GlobalVariable) -> Iterable[RelyingParty]:
        with_template = RelyingParty.objects.filter(claim_template__isnull=False)
        of_issuer = with_template.filter(issuer_id=row.issuer_id) if row.issuer_id else with_template
        return of_issuer.select_related("issuer", "claim_template")
