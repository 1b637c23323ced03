"""The status line of a client: whether it gets tokens now and, if not, why and who disabled it."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils import timezone

from audit.models import IssuanceEvent
from console.admin_base.change_history import reason_of
from issuance.outlook.client_status import Cause, ClientStatus, Obstacle, client_status
from issuers.directory import IssuerSnapshot, issuers_by_path
from issuers.models import Issuer
from relying_parties.models import RelyingParty
from relying_parties.snapshots import clients, snapshot_of


@dataclass(frozen=True, slots=True)
class Disabled:
    """When something was set inactive, and by whom."""

    actor: str
    at: datetime
    reason: str

    def __str__(self) -> str:
        because = f" ({self.reason})" if self.reason else ""
        return f"disabled by {self.actor} on {self.at:%Y-%m-%d %H:%M} UTC{because}"


def status_of(relying_party: RelyingParty) -> ClientStatus:
    """As the token endpoint would decide now, and who disabled the client or its issuer."""
    issuer = IssuerSnapshot.of(relying_party.issuer)
    status = client_status(snapshot_of(relying_party), issuer=issuer, now=timezone.now())
    return replace(status, obstacles=tuple(_with_actor(each, relying_party) for each in status.obstacles))


def listed_status(relying_party: RelyingParty) -> ClientStatus | None:
    """For a list: from this process's snapshots, without a name. None while it has no such client."""
    client = clients.get((relying_party.issuer_id, relying_party.client_id))
    issuer = issuers_by_path.get(relying_party.issuer.path)
    return client_status(client, issuer=issuer, now=timezone.now()) if client and issuer else None


def status_after(event: IssuanceEvent) -> ClientStatus | None:
    """The present status of the client that a request named; None if there is no such client."""
    named = RelyingParty.objects.filter(client_id=event.client_id).select_related("issuer", "claim_template")
    same = (relying_party for relying_party in named if relying_party.issuer.url == event.issuer)
    relying_party = next(same, None) if event.client_id else None
    return status_of(relying_party) if relying_party else None


def _with_actor(obstacle: Obstacle, relying_party: RelyingParty) -> Obstacle:
    if obstacle.cause == Cause.CLIENT_DISABLED and (act := disabled(relying_party)):
        return replace(obstacle, reason=f"it was {act}")
    if obstacle.cause == Cause.ISSUER_DISABLED and (act := disabled(relying_party.issuer)):
        return replace(obstacle, reason=f"its issuer {relying_party.issuer.name} was {act}")
    return obstacle


def disabled(row: RelyingParty | Issuer) -> Disabled | None:
    """The act that made it inactive; None if its history does not say."""
    history: Any = row.history.order_by("history_id")
    newest_active = history.filter(is_active=True).values_list("history_id", flat=True).last()
    since = history.filter(is_active=False, history_id__gt=newest_active or 0).first()
    if since is None:
        return None
    return Disabled(since.history_user_id, since.history_date, reason_of(since))
