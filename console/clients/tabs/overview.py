"""The first tab of a client: who it is, and what the other tabs hold in a few lines."""

from dataclasses import dataclass
from typing import Any, ClassVar

from django.db.models import Q
from django.utils import timezone

from console.admin_base.change_history import Change, changes_of
from console.auth_methods import in_words
from console.clients import restrictions
from console.clients.tabs.client_tab import ClientTab
from console.clients.tabs.tab_links import (
    ACCESS,
    CLAIMS,
    CREDENTIALS,
    OVERVIEW,
    RESTRICTIONS,
    Tab,
    address_of,
)
from issuers.models import SECRET_METHODS, TokenEndpointAuthMethod
from relying_parties.models import RelyingParty

MAX_NAMED = 5


@dataclass(frozen=True, slots=True)
class Part:
    """What another tab holds, in sentences."""

    label: str
    address: str
    sentences: tuple[str, ...]


class OverviewTab(ClientTab):
    tab = OVERVIEW
    panel_template = "console/client_tabs/overview.html"
    fixed_fields: ClassVar[tuple[str, ...]] = ("issuer", "client_id")
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("issuer", "client_id", "name", "description", "contact")}),
        ("Tracing", {"fields": ("trace_until",)}),
    )

    def changes(self, row: RelyingParty) -> list[Change]:
        return changes_of(row, "grants", "secrets", "federated_credentials", "rules")

    def panels(self, row: RelyingParty) -> dict[str, Any]:
        return {**super().panels(row), "parts": _parts(row)}


def _parts(row: RelyingParty) -> tuple[Part, ...]:
    return (
        _part(row, CREDENTIALS, _proof(row)),
        _part(row, ACCESS, _access(row)),
        _part(row, CLAIMS, _claims(row)),
        _part(row, RESTRICTIONS, *restrictions.all_of(row)),
    )


def _part(row: RelyingParty, tab: Tab, *sentences: str) -> Part:
    return Part(label=tab.label, address=address_of(row, tab), sentences=sentences)


def _proof(row: RelyingParty) -> str:
    method = row.token_endpoint_auth_method
    about = in_words(method).about
    if method in SECRET_METHODS:
        now = timezone.now()
        live = row.secrets.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now), revoked_at__isnull=True)
        return f"It proves itself by {about}. Live secrets: {live.count()}."
    if method == TokenEndpointAuthMethod.FEDERATED_JWT:
        return f"It proves itself by {about}. Federated credentials: {row.federated_credentials.count()}."
    return f"It proves itself by {about}."


def _access(row: RelyingParty) -> str:
    grants = list(row.grants.select_related("resource_server")[: MAX_NAMED + 1])
    if not grants:
        return "It may call no API."
    named = ", ".join(str(grant.resource_server) for grant in grants[:MAX_NAMED])
    return f"It may call {named}{' and others' if len(grants) > MAX_NAMED else ''}."


def _claims(row: RelyingParty) -> str:
    if row.claim_template is None:
        return "Its tokens have the fixed claims only."
    return f"Its tokens say what the template {row.claim_template} says."
