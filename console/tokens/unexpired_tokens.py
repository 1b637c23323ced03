"""How many tokens that still verify carry a kid. A key may have signed many: only a limited part is read."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max

from audit.models import IssuanceEvent, Outcome
from audit.reading.index_ranges import IndexRange
from audit.reading.positions import LAST, Position
from issuers.models import CLOCK_SKEW, Issuer
from keys.models import SigningKey

MAX_READ = 100_000
"""The newest rows of the kid: reading them takes a fraction of a second."""
MAX_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class UnexpiredTokens:
    """At least `count`. `is_capped`: there are more. `is_partial`: there may be older ones that were not read."""

    count: int
    is_capped: bool
    is_partial: bool


def unexpired_tokens(key: SigningKey, *, now: datetime) -> UnexpiredTokens:
    """Tokens issued with the key of an issuer that are not expired yet."""
    if key.issuer is None:
        return UnexpiredTokens(count=0, is_capped=False, is_partial=False)
    oldest = Position(at=now - longest_life(key.issuer), id=0)
    signed = IndexRange(column="kid", value=key.kid, first=oldest, last=LAST, backwards=True)
    found = IssuanceEvent.objects.filter(
        pk__in=signed.walked().values("pk")[:MAX_READ],
        outcome=Outcome.ISSUED,
        issuer=key.issuer.url,
        expires_at__gt=now,
    )
    count = found.order_by()[: MAX_COUNTED + 1].count()
    return UnexpiredTokens(
        count=min(count, MAX_COUNTED),
        is_capped=count > MAX_COUNTED,
        is_partial=signed.place_of(MAX_READ) is not None,
    )


def longest_life(issuer: Issuer) -> timedelta:
    """Of any token that the issuer may ever have issued."""
    ever = issuer.history.aggregate(longest=Max("max_access_token_ttl"))["longest"] or 0
    return timedelta(seconds=max(ever, issuer.max_access_token_ttl)) + CLOCK_SKEW
