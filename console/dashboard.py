"""What an operator should know first: what is missing, what to replace, what to do next."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q
from django.utils import timezone

from console.admin_base.page import MAX_NAMED
from console.integrity.record_overview import RecordOverview, record_overview
from console.signing_keys.key_outlook import Outlook, outlooks
from console.site.admin_site import site
from console.site.permissions import SEES_RECORD
from issuance.outlook.expiry import expiries
from issuers.expiry import Expiry
from issuers.models import Issuer
from keys.expiry import unreadable_chains
from keys.lifecycle.creation import can_sign
from keys.models import SigningKey
from relying_parties.models import AccessGrant, ClaimTemplate, ClientSecret, RelyingParty, ResourceServer
from relying_parties.secrets.credentials import too_old_at_their_end


@dataclass(frozen=True, slots=True)
class IssuerLine:
    issuer: Issuer
    relying_parties: int
    has_active_key: bool
    outlook: Outlook | None
    """The next scheduled change of the key of its own algorithm."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the first set-up. `page` is the name of the URL for it."""

    text: str
    page: str
    is_done: bool


@dataclass(frozen=True, slots=True)
class Overview:
    issuers: tuple[IssuerLine, ...]
    to_replace: tuple[ClientSecret, ...]
    old_secrets: tuple[ClientSecret, ...]
    """Secrets that live longer than their issuer allows."""
    expiries: tuple[Expiry, ...]
    """What expires within 30 days, the earliest first."""
    more_expiries: int
    overdue: tuple[Outlook, ...]
    unreadable_chains: tuple[SigningKey, ...]
    steps: tuple[Step, ...]
    record: RecordOverview | None
    """None for a user who may not see the record."""

    @property
    def is_set_up(self) -> bool:
        return all(step.is_done for step in self.steps)


@site.first_page
def overview(user: Any) -> Overview | None:
    """None for a user who may not see the configuration."""
    if not user.has_perms(["issuers.view_issuer", "relying_parties.view_relyingparty"]):
        return None
    now = timezone.now()
    coming, soon = outlooks(now), expiries(now)
    counted = Issuer.objects.annotate(clients=Count("relying_parties"), signs=can_sign(now))
    issuers = tuple(_line(issuer, coming.get((issuer.pk, issuer.signing_alg))) for issuer in counted)
    return Overview(
        issuers=issuers,
        to_replace=_to_replace(now),
        old_secrets=_old_secrets(now),
        expiries=soon[:MAX_NAMED],
        more_expiries=len(soon[MAX_NAMED:]),
        overdue=tuple(outlook for outlook in coming.values() if outlook.is_overdue)[:MAX_NAMED],
        unreadable_chains=tuple(unreadable_chains(now)[:MAX_NAMED]),
        steps=_steps(issuers),
        record=record_overview(now) if user.has_perm(SEES_RECORD) else None,
    )


def _line(issuer: Any, outlook: Outlook | None) -> IssuerLine:
    return IssuerLine(
        issuer=issuer, relying_parties=issuer.clients, has_active_key=issuer.signs, outlook=outlook
    )


def _to_replace(now: datetime) -> tuple[ClientSecret, ...]:
    """Live secrets that a person chose."""
    live = Q(revoked_at__isnull=True) & (Q(expires_at__isnull=True) | Q(expires_at__gt=now))
    chosen = ClientSecret.objects.filter(live, chosen=True, relying_party__is_active=True)
    return tuple(chosen.select_related("relying_party__issuer")[:MAX_NAMED])


def _old_secrets(now: datetime) -> tuple[ClientSecret, ...]:
    limited = Issuer.objects.filter(max_client_secret_age__isnull=False)
    old = [secret for issuer in limited for secret in too_old_at_their_end(issuer, now=now)[:MAX_NAMED]]
    return tuple(old[:MAX_NAMED])


def _steps(issuers: tuple[IssuerLine, ...]) -> tuple[Step, ...]:
    return (
        Step(
            "Add an issuer: the URL under which tokens are issued.", "admin:issuers_issuer_add", bool(issuers)
        ),
        Step(
            "Create its signing key, on the issuer's page.",
            "admin:issuers_issuer_changelist",
            any(line.has_active_key for line in issuers),
        ),
        Step(
            "Add an API: the API that will take the tokens, and its scopes.",
            "admin:relying_parties_resourceserver_add",
            ResourceServer.objects.exists(),
        ),
        Step(
            "Add a claim template, if the tokens need claims of their own.",
            "admin:relying_parties_claimtemplate_add",
            ClaimTemplate.objects.exists() or RelyingParty.objects.exists(),
        ),
        Step(
            "Add a client: the service that asks, with an access grant for the API.",
            "admin:relying_parties_relyingparty_add",
            AccessGrant.objects.exists(),
        ),
        Step(
            "Generate a secret on the client's page and hand it over.",
            "admin:relying_parties_relyingparty_changelist",
            ClientSecret.objects.exists(),
        ),
    )
