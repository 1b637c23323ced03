"""The list of clients, and the pages of one: its tabs, its acts, and the form that adds one."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.html import format_html

from console.clients.adding import AddsClients
from console.clients.client_switch import ClientSwitch
from console.clients.client_yaml import ClientYaml
from console.clients.hand_over_page import HandOver
from console.clients.secret_rotation import SecretRotation
from console.clients.tabs.access import AccessTab
from console.clients.tabs.claims import ClaimsTab
from console.clients.tabs.client_tab import ClientTab
from console.clients.tabs.credentials import CredentialsTab
from console.clients.tabs.overview import OverviewTab
from console.clients.tabs.restrictions import RestrictionsTab
from console.federation.federation_presets import FederationPresets
from console.site.admin_site import site
from console.tokens.client_status import listed_status
from console.tokens.token_previews import PreviewPage
from issuers.versioning.revision import forget
from relying_parties.models import RelyingParty

FURTHER_TABS: tuple[type[ClientTab], ...] = (CredentialsTab, AccessTab, ClaimsTab, RestrictionsTab)


@admin.register(RelyingParty, site=site)
class RelyingPartyAdmin(
    ClientSwitch,
    ClientYaml,
    HandOver,
    SecretRotation,
    AddsClients,
    FederationPresets,
    PreviewPage,
    OverviewTab,
):
    list_display = (
        "client_id",
        "name",
        "gets_tokens",
        "issuer",
        "token_endpoint_auth_method",
        "claim_template",
    )
    list_filter = ("is_active", "issuer", "token_endpoint_auth_method", "claim_template")
    list_select_related = ("issuer", "claim_template")
    search_fields = ("client_id", "name", "description", "contact")

    def get_urls(self) -> list[URLPattern]:
        return [*(self._tab_url(tab) for tab in FURTHER_TABS), *super().get_urls()]

    def _tab_url(self, tab: type[ClientTab]) -> URLPattern:
        view = tab(RelyingParty, self.admin_site).change_view
        return path(
            f"<path:object_id>/{tab.tab.label.lower()}/", self.admin_site.admin_view(view), name=tab.tab.page
        )

    @admin.display(description="tokens", ordering="is_active")
    def gets_tokens(self, row: RelyingParty) -> str:
        status = listed_status(row)
        if status is None:
            return "-"
        kind = "live" if status.gets_tokens else "refused" if status.is_set_up else "warning"
        return format_html('<span class="state {}" title="{}">{}</span>', kind, status, status.label)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        # What was saved a moment ago is in the list too.
        forget()
        return super().changelist_view(request, extra_context)
