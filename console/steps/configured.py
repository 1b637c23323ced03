"""What an event is about, as it is configured now: its issuer and its client, if they are still there."""

from dataclasses import dataclass

from audit.models import IssuanceEvent
from issuance.outlook.reasons import Reason, reason_of
from issuers.models import Issuer
from relying_parties.models import RelyingParty


@dataclass(frozen=True, slots=True)
class Configured:
    event: IssuanceEvent
    issuer: Issuer | None
    client: RelyingParty | None

    @property
    def reason(self) -> Reason:
        """Of a request that was refused or failed."""
        return reason_of(error=self.event.error, detail=self.event.detail)


def configured(event: IssuanceEvent) -> Configured:
    issuer = next((issuer for issuer in Issuer.objects.all() if issuer.url == event.issuer), None)
    return Configured(event=event, issuer=issuer, client=_client(event, issuer))


def _client(event: IssuanceEvent, issuer: Issuer | None) -> RelyingParty | None:
    if issuer is None or not event.client_id:
        return None
    named = RelyingParty.objects.filter(issuer=issuer, client_id=event.client_id)
    return named.select_related("issuer", "claim_template").first()
