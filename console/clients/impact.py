"""What an act on a client stops: its tokens of the last days, and those that it does not stop."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from audit.credential_name import CredentialKind, CredentialName
from console.tokens.newest_requests import newest_requests
from console.tokens.unexpired_tokens import UnexpiredTokens, unexpired_tokens_of
from relying_parties.models import ClientSecret, RelyingParty

DAYS = 7
MAX_READ = 2_000
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
    now, issuer = timezone.now(), row.issuer
    since = now - timedelta(days=DAYS)
    newest = newest_requests(column, value, issuer=issuer.url, since=since, most=MAX_READ)
    return Impact(
        issued=len(newest.issued),
        is_capped=newest.is_capped,
        last=newest.issued[0].at if newest.issued else None,
        unexpired=unexpired_tokens_of(issuer, column=column, value=value, now=now),
    )
