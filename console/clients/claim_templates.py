"""The page of a claim template: the template, and beside it the token that a client would get of what is typed."""

from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from console.admin_base.row_ids import is_id
from console.admin_base.versions.configuration_admin import ConfigurationAdmin
from console.admin_base.versions.versioned_page import REFUSAL
from console.clients.claims_editor import editor
from console.site.admin_site import site
from relying_parties.models import ClaimTemplate

PREVIEW = "_preview"
"""The button that shows the token of what is typed, and saves nothing."""
NOT_SAVED = "Nothing was saved: this is a preview."
SEES_CLIENTS = "relying_parties.view_relyingparty"


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

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.preview)
        return [path("preview/", view, name="relying_parties_claimtemplate_preview"), *super().get_urls()]

    def preview(self, request: HttpRequest) -> HttpResponse:
        """What stands beside the form, of the values that were sent; they are not saved."""
        if not self.has_view_permission(request) or not request.user.has_perm(SEES_CLIENTS):
            raise PermissionDenied
        stored = _stored(request.POST.get("template", ""))
        context = {"editor": editor(stored, request.POST, now=timezone.now()), "original": stored}
        return TemplateResponse(request, "console/claims_preview.html", context)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> Any:
        context = {**self._beside(request, object_id or ""), **(extra_context or {})}
        if request.method == "POST" and PREVIEW in request.POST:
            request.META[REFUSAL] = ValidationError(NOT_SAVED)
            # A preview is no mistake: only the fields say what is wrong with them.
            context |= {"errors": None, "not_saved": NOT_SAVED}
        return super().changeform_view(request, object_id, form_url, context)

    def _beside(self, request: HttpRequest, key: str) -> dict[str, Any]:
        """Nothing for who may not see clients, whose tokens are shown."""
        if not request.user.has_perm(SEES_CLIENTS):
            return {}
        typed = request.POST if request.method == "POST" else None
        return {"editor": editor(_stored(key), typed, now=timezone.now())}


def _stored(key: str) -> ClaimTemplate | None:
    return ClaimTemplate.objects.filter(pk=key).first() if is_id(key) else None
