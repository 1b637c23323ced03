"""The line of truth of a client: its last token, what the last day was like, and what is still good."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.timesince import timesince

from audit.models import IssuanceEvent, Outcome
from audit.reading.filters import Search
from audit.reading.pages import page_of
from console.admin_base.credential_labels import credential_labels
from console.tokens.newest_requests import newest_requests
from console.tokens.unexpired_tokens import UnexpiredTokens, unexpired_tokens_of
from relying_parties.models import RelyingParty, ResourceServer

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
MAX_COUNTED = 1_000
"""The newest requests of a client that are counted."""


@dataclass(frozen=True, slots=True)
class LastToken:
    at: datetime
    api: str
    credential: str
    address: str
    ago: str


@dataclass(frozen=True, slots=True)
class Counted:
    """Requests that named the client since an instant; `is_day` is False if there are more in the last 24 hours."""

    issued: int
    refused: int
    since: datetime
    is_day: bool


@dataclass(frozen=True, slots=True)
class TokenUse:
    """`unexpired` are the tokens that are still good, None unless the client is refused."""

    last: LastToken | None
    counted: Counted
    unexpired: UnexpiredTokens | None


def token_use(row: RelyingParty, *, is_refused: bool) -> TokenUse:
    now = timezone.now()
    return TokenUse(
        last=_last_token(row),
        counted=_counted(row, now),
        unexpired=_unexpired(row, now) if is_refused else None,
    )


def _unexpired(row: RelyingParty, now: datetime) -> UnexpiredTokens:
    return unexpired_tokens_of(row.issuer, column="client_id", value=row.client_id, now=now)


def _last_token(row: RelyingParty) -> LastToken | None:
    """None also if none of the newest requests that were looked at got one."""
    own = {"client_id": row.client_id, "issuer": row.issuer.url, "outcome": Outcome.ISSUED.value}
    newest = page_of(Search(equals=own), size=1).events
    return _told(newest[0], row) if newest else None


def _told(event: IssuanceEvent, row: RelyingParty) -> LastToken:
    api = ResourceServer.objects.filter(issuer=row.issuer, identifier=event.audience).first()
    return LastToken(
        at=event.at,
        api=str(api or event.audience),
        credential=credential_labels([event.credential]).get(event.credential, event.credential),
        address=event.ip,
        ago=_ago(event.at, timezone.now()),
    )


def _ago(at: datetime, now: datetime) -> str:
    return f"{timesince(at, now, depth=1)} ago" if now - at >= MINUTE else "less than a minute ago"


def _counted(row: RelyingParty, now: datetime) -> Counted:
    day = now - DAY
    newest = newest_requests("client_id", row.client_id, issuer=row.issuer.url, since=day, most=MAX_COUNTED)
    issued = len(newest.issued)
    return Counted(
        issued=issued,
        refused=len(newest.requests) - issued,
        since=newest.requests[-1].at if newest.is_capped and newest.requests else day,
        is_day=not newest.is_capped,
    )
