"""How many tokens that still verify carry a kid. The record may be large: a bounded part of it is read."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max

from audit.models import IssuanceEvent, Outcome
from issuers.models import CLOCK_SKEW
from keys.models import SigningKey

MOST_READ = 100_000
"""Rows of the record, the newest: a fraction of a second."""
MOST_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class UnexpiredTokens:
    """At least `count`. `is_capped`: there are more. `is_partial`: older ones may exist that were not looked at."""

    count: int
    is_capped: bool
    is_partial: bool


def unexpired_tokens(key: SigningKey, *, now: datetime) -> UnexpiredTokens:
    """Tokens issued with the key of an issuer that are not expired yet."""
    newest = IssuanceEvent.objects.aggregate(newest=Max("pk"))["newest"] or 0
    floor = newest - MOST_READ
    found = IssuanceEvent.objects.filter(
        pk__gt=floor,
        outcome=Outcome.ISSUED,
        issuer=key.issuer.url if key.issuer else "",
        kid=key.kid,
        expires_at__gt=now,
    )
    count = found.order_by()[: MOST_COUNTED + 1].count()
    return UnexpiredTokens(
        count=min(count, MOST_COUNTED),
        is_capped=count > MOST_COUNTED,
        is_partial=_may_live_below(floor, key=key, now=now),
    )


def _may_live_below(floor: int, *, key: SigningKey, now: datetime) -> bool:
    """Whether a row that was not read is younger than the longest life that a token of the issuer ever had."""
    if key.issuer is None:
        return False
    ever = key.issuer.history.aggregate(longest=Max("max_access_token_ttl"))["longest"] or 0
    longest = timedelta(seconds=max(ever, key.issuer.max_access_token_ttl)) + CLOCK_SKEW
    not_read = (
        IssuanceEvent.objects.filter(pk__lte=floor).order_by("-pk").values_list("at", flat=True).first()
    )
    return not_read is not None and not_read > now - longest
