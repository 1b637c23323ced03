"""The tab of what a client's tokens say."""

from typing import Any, ClassVar

from django.http import HttpRequest

from console.clients.tabs.client_tab import ClientTab
from console.clients.tabs.tab_links import CLAIMS
from console.tokens.token_preview import token_preview
from relying_parties.models import ClaimTemplate, RelyingParty

MAX_LISTED = 200
"""Templates in a plain choice, which needs no JavaScript. More are searched for."""


class ClaimsTab(ClientTab):
    tab = CLAIMS
    panel_template = "console/client_tabs/claims.html"
    fieldsets: ClassVar[Any] = (
        ("What its tokens say", {"fields": ("claim_template", "access_token_ttl", "signing_alg")}),
    )

    def get_autocomplete_fields(self, request: HttpRequest) -> Any:
        is_long = ClaimTemplate.objects.all()[: MAX_LISTED + 1].count() > MAX_LISTED
        return ("claim_template",) if is_long else ()

    def panels(self, row: RelyingParty) -> dict[str, Any]:
        return {**super().panels(row), "previews": [token_preview(row)]}
