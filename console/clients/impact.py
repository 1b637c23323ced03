"""What an act on a client stops: its tokens of the last days, and those that it does not stop."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from audit.credential_name import CredentialKind, CredentialName
from audit.models import IssuanceEvent, Outcome
from audit.reading.index_ranges import IndexRange
from audit.reading.positions import LAST, Position
from console.tokens.unexpired_tokens import UnexpiredTokens, unexpired_tokens_of
from relying_parties.models import ClientSecret, RelyingParty

DAYS = 7
MAX_READ = 10_000
"""Rows that are counted; reading them takes some milliseconds."""


@dataclass(frozen=True, slots=True)
class Impact:
    """`issued` in the last DAYS days, or more if `is_capped`. `last` is when the newest of them was."""

    issued: int
    is_capped: bool
    last: datetime | None
    unexpired: UnexpiredTokens
    days: int = DAYS


def impact_on(row: RelyingParty) -> Impact:
    return _impact("client_id", row.client_id, row)


def impact_of_secret(secret: ClientSecret) -> Impact:
    name = str(CredentialName(CredentialKind.SECRET, secret.pk))
    return _impact("credential", name, secret.relying_party)


def _impact(column: str, value: str, row: RelyingParty) -> Impact:
    now = timezone.now()
    since = Position(at=now - timedelta(days=DAYS), id=0)
    rows = IndexRange(column=column, value=value, first=since, last=LAST, backwards=True)
    issued = IssuanceEvent.objects.filter(
        **{column: value},
        pk__in=rows.walked().values("pk")[:MAX_READ],
        outcome=Outcome.ISSUED,
        issuer=row.issuer.url,
        at__gte=since.at,
    )
    return Impact(
        issued=issued.order_by().count(),
        is_capped=rows.place_of(MAX_READ) is not None,
        last=issued.order_by("-at").values_list("at", flat=True).first(),
        unexpired=unexpired_tokens_of(row.issuer, column=column, value=value, now=now),
    )
