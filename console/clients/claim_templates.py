from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from console.admin_base.panelled_page import PanelledPage
from console.admin_base.versions.configuration_admin import ConfigurationAdmin
from console.site.admin_site import site
from console.tokens.token_preview import token_preview
from relying_parties.consistency import reached_by
from relying_parties.models import ClaimTemplate

MAX_PREVIEWS = 3


@admin.register(ClaimTemplate, site=site)
class ClaimTemplateAdmin(PanelledPage, ConfigurationAdmin):
    change_form_template = "console/claim_template.html"
    list_display = ("name", "description", "used_by")
    search_fields = ("name", "description")
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("name", "description", "claims")}),
        ("Header", {"fields": ("headers", "with_x5t", "with_x5c")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        templates: QuerySet[Any] = super().get_queryset(request).annotate(users=Count("relying_parties"))
        return templates

    @admin.display(description="used by", ordering="users")
    def used_by(self, template: Any) -> int:
        count: int = template.users
        return count

    def panels(self, row: ClaimTemplate) -> dict[str, Any]:
        return {"previews": [token_preview(user) for user in reached_by(row)[:MAX_PREVIEWS]]}
