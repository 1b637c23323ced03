"""How many tokens of a key, a client or a credential still verify. There may be many: only a limited part is read."""

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
MAX_READ_OF_CLIENT = 10_000
"""Of a client or a credential, whose pages show the number at each look."""
MAX_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class UnexpiredTokens:
    """At least `count`. `is_capped`: there are more. `is_partial`: there may be older ones that were not read."""

    count: int
    is_capped: bool
    is_partial: bool
    last_end: datetime | None = None
    """When the last of those that were read ends."""


def unexpired_tokens(key: SigningKey, *, now: datetime) -> UnexpiredTokens:
    """Tokens issued with the key of an issuer that are not expired yet."""
    if key.issuer is None:
        return UnexpiredTokens(count=0, is_capped=False, is_partial=False)
    signed = _living("kid", key.kid, issuer=key.issuer, now=now)
    return _unexpired(signed, issuer=key.issuer, now=now, most=MAX_READ)


def unexpired_tokens_of(issuer: Issuer, *, column: str, value: str, now: datetime) -> UnexpiredTokens:
    """Tokens of a client, or of a credential, that are not expired yet."""
    asked = _living(column, value, issuer=issuer, now=now)
    return _unexpired(asked, issuer=issuer, now=now, most=MAX_READ_OF_CLIENT)


def _living(column: str, value: str, *, issuer: Issuer, now: datetime) -> IndexRange:
    """From the oldest row whose token can still be good."""
    oldest = Position(at=now - longest_life(issuer), id=0)
    return IndexRange(column=column, value=value, first=oldest, last=LAST, backwards=True)


def _unexpired(rows: IndexRange, *, issuer: Issuer, now: datetime, most: int) -> UnexpiredTokens:
    found = IssuanceEvent.objects.filter(
        **{rows.column: rows.value},
        pk__in=rows.walked().values("pk")[:most],
        outcome=Outcome.ISSUED,
        issuer=issuer.url,
        expires_at__gt=now,
    )
    count = found.order_by()[: MAX_COUNTED + 1].count()
    return UnexpiredTokens(
        count=min(count, MAX_COUNTED),
        is_capped=count > MAX_COUNTED,
        is_partial=rows.place_of(most) is not None,
        last_end=found.aggregate(last=Max("expires_at"))["last"],
    )


def longest_life(issuer: Issuer) -> timedelta:
    """Of any token that the issuer may ever have issued."""
    ever = issuer.history.aggregate(longest=Max("max_access_token_ttl"))["longest"] or 0
    return timedelta(seconds=max(ever, issuer.max_access_token_ttl)) + CLOCK_SKEW
