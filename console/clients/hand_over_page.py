"""The page of the hand-over sheet: to print, to copy and to download."""

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from console.admin_base.instants import written
from console.admin_base.versions.client_acts import RelyingPartyActs
from console.clients.hand_over import sheet_of
from console.clients.hand_over_markdown import markdown_of
from console.site.permissions import SEES_CONFIGURATION
from relying_parties.models import RelyingParty


class HandOver(RelyingPartyActs):
    """Mixed into the client's page."""

    def get_urls(self) -> list[URLPattern]:
        guarded = permission_required(SEES_CONFIGURATION, raise_exception=True)(require_safe(self.hand_over))
        url = path("<int:relying_party_id>/hand-over/", self.admin_site.admin_view(guarded), name="hand_over")
        return [url, *super().get_urls()]

    def hand_over(self, request: HttpRequest, relying_party_id: int) -> HttpResponse:
        """`?format=md` is the Markdown alone, as a file."""
        row = get_object_or_404(RelyingParty.objects.select_related("issuer"), pk=relying_party_id)
        sheet, at = sheet_of(row), timezone.now()
        text = markdown_of(sheet, by=request.user.get_username(), at=written(at))
        if request.GET.get("format") == "md":
            return _file(text, name=f"hand-over-{slugify(row.client_id)[:60]}.md")
        return self.act_page(request, "console/hand_over.html", row, sheet=sheet, markdown=text, at=at)


def _file(text: str, *, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type="text/markdown; charset=utf-8", headers=headers)
