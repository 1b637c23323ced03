"""The page that shows a client as a configuration file has it."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.views.decorators.http import require_safe

from configuration.client_file import client_file
from console.admin_base.versions.client_acts import RelyingPartyActs
from console.clients.tabs.tab_links import SEES_WHOLE_CLIENT
from relying_parties.models import RelyingParty


class ClientYaml(RelyingPartyActs):
    """Mixed into the client's page."""

    def get_urls(self) -> list[URLPattern]:
        url = path(
            "<int:relying_party_id>/yaml/",
            self.admin_site.admin_view(require_safe(self.as_yaml)),
            name="relying_parties_relyingparty_yaml",
        )
        return [url, *super().get_urls()]

    def as_yaml(self, request: HttpRequest, relying_party_id: int) -> HttpResponse:
        if not request.user.has_perms(SEES_WHOLE_CLIENT):
            raise PermissionDenied
        rows = RelyingParty.objects.select_related("issuer", "claim_template")
        row = get_object_or_404(rows, pk=relying_party_id)
        return self.act_page(request, "console/client_yaml.html", row, text=client_file(row))
