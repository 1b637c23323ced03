from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from console.configuration_admin import ConfigurationAdmin
from console.site import site
from console.token_preview import token_preview
from relying_parties.coherence import reached_by
from relying_parties.models import ClaimTemplate

MOST_PREVIEWS = 3


@admin.register(ClaimTemplate, site=site)
class ClaimTemplateAdmin(ConfigurationAdmin):
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

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        template = self.get_object(request, unquote(object_id))
        users = reached_by(template)[:MOST_PREVIEWS] if template else ()
        previews = {"previews": [token_preview(user) for user in users]}
        return super().change_view(request, object_id, form_url, {**previews, **(extra_context or {})})
