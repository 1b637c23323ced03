"""The pages on which an operator mends what refused a request. Each address stands here, and nowhere else."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from audit.models import IssuanceEvent
from console.steps.configured import Configured


@dataclass(frozen=True, slots=True)
class Act:
    """A link, for who has the permission."""

    label: str
    url: str
    permission: str


MakeAct = Callable[[Configured], Act | None]
"""None where there is nothing left to act on."""


def on_client(label: str, part: str = "", *, tab: str = "change") -> MakeAct:
    """A tab of the client, at a part of it."""

    def act(about: Configured) -> Act | None:
        if about.client is None:
            return None
        page = reverse(f"admin:relying_parties_relyingparty_{tab}", args=[about.client.pk])
        return Act(label, f"{page}#{part}" if part else page, "relying_parties.view_relyingparty")

    return act


def on_issuer(label: str) -> MakeAct:
    def act(about: Configured) -> Act | None:
        if about.issuer is None:
            return None
        return Act(
            label, reverse("admin:issuers_issuer_change", args=[about.issuer.pk]), "issuers.view_issuer"
        )

    return act


def on_template(label: str) -> MakeAct:
    def act(about: Configured) -> Act | None:
        if about.client is None or about.client.claim_template_id is None:
            return None
        page = reverse("admin:relying_parties_claimtemplate_change", args=[about.client.claim_template_id])
        return Act(label, page, "relying_parties.view_claimtemplate")

    return act


def enable(about: Configured) -> Act | None:
    if about.client is None or about.client.is_active:
        return None
    page = reverse("admin:relying_parties_relyingparty_enable", args=[about.client.pk])
    return Act("Enable…", page, "relying_parties.change_relyingparty")


def generate_secret(about: Configured) -> Act | None:
    if about.client is None:
        return None
    page = reverse("admin:relying_parties_relyingparty_generate_secret", args=[about.client.pk])
    return Act("Generate a secret…", page, "relying_parties.add_clientsecret")


def find_client(about: Configured) -> Act:
    """Those whose name is like the one that was sent."""
    page = reverse("admin:relying_parties_relyingparty_changelist")
    query = urlencode({"q": about.event.client_id}) if about.event.client_id else ""
    return Act("Clients", f"{page}?{query}" if query else page, "relying_parties.view_relyingparty")


def add_client(_about: Configured) -> Act:
    page = reverse("admin:relying_parties_relyingparty_add")
    return Act("Add a client…", page, "relying_parties.add_relyingparty")


def same_guesses(about: Configured) -> Act:
    """The refusals of this address."""
    page = reverse("admin:audit_issuanceevent_changelist")
    query = urlencode({"address": about.event.ip, "error": "invalid_client"})
    opts = IssuanceEvent._meta
    return Act("Refusals from this address", f"{page}?{query}", f"{opts.app_label}.view_{opts.model_name}")
