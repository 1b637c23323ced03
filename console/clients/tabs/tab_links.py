"""The tabs of a client, as the head of each of its pages shows them."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from console.site.permissions import SEES_CONFIGURATION, SEES_RECORD
from relying_parties.models import RelyingParty


@dataclass(frozen=True, slots=True)
class Tab:
    """`page` is the name of its address, without the namespace; `permissions` are those of its page."""

    label: str
    page: str
    permissions: tuple[str, ...] = ()


OVERVIEW = Tab("Overview", "relying_parties_relyingparty_change")
CREDENTIALS = Tab("Credentials", "relying_parties_relyingparty_credentials")
ACCESS = Tab("Access", "relying_parties_relyingparty_access")
CLAIMS = Tab("Claims", "relying_parties_relyingparty_claims")
RESTRICTIONS = Tab("Restrictions", "relying_parties_relyingparty_restrictions")
TRY_IT = Tab(
    "Try it", "try_client", ("relying_parties.try_relyingparty", "relying_parties.view_relyingparty")
)
TIMELINE = Tab("Timeline", "relying_parties_relyingparty_timeline", (SEES_RECORD, *SEES_CONFIGURATION))
SEES_WHOLE_CLIENT = (
    *SEES_CONFIGURATION,
    "relying_parties.view_trustedissuer",
    "issuers.view_globalvariable",
)
"""For what shows a client with all that it refers to."""
TABS = (OVERVIEW, CREDENTIALS, ACCESS, CLAIMS, RESTRICTIONS, TRY_IT, TIMELINE)


@dataclass(frozen=True, slots=True)
class TabLink:
    label: str
    address: str
    is_current: bool


def tab_links(row: RelyingParty, *, current: Tab, user: Any) -> list[TabLink]:
    """Those that the user may open."""
    return [
        TabLink(label=tab.label, address=address_of(row, tab), is_current=tab == current)
        for tab in TABS
        if user.has_perms(tab.permissions)
    ]


def address_of(row: RelyingParty, tab: Tab) -> str:
    return reverse(f"admin:{tab.page}", args=[row.pk])
