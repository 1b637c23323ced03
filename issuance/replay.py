"""What counts once: a JWT's use is written in the transaction of its request's row, and the database takes no second.

So of many requests with one assertion, at many workers, one gets a token, and none after a restart.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from django.db import connection

from issuance.models import UsedJti
from issuance.wire.errors import OAuthError
from issuers.models import CLOCK_SKEW
from runtime.slots import DATABASE


@dataclass(frozen=True, slots=True)
class SingleUse:
    """The one use of a JWT. `refusal` is what a second use is answered."""

    holder: str
    jti: str
    expires_at: datetime
    """Until when it would be accepted."""
    refusal: OAuthError

    @property
    def jti_digest(self) -> str:
        return hashlib.sha256(self.jti.encode()).hexdigest()


def single_use(*, holder: str, jti: str, exp: float, refusal: OAuthError) -> SingleUse:
    """`exp` in seconds since 1970."""
    expires_at = datetime.fromtimestamp(exp, tz=UTC) + CLOCK_SKEW
    return SingleUse(holder=holder, jti=jti, expires_at=expires_at, refusal=refusal)


def reject_replayed(uses: tuple[SingleUse, ...]) -> None:
    """Raise the refusal of the first that was used before, at once: what it asked for is answered no second time.

    Of several at the same moment all may pass here; `consuming` lets one.
    """
    for once in uses:
        with DATABASE.slot():
            is_used = UsedJti.objects.filter(holder=once.holder, jti_digest=once.jti_digest).exists()
        if is_used:
            raise once.refusal


def consuming(uses: tuple[SingleUse, ...]) -> Callable[[], None] | None:
    """What to write beside the row that says `issued`, None if nothing. Raises the refusal of the first used before."""
    return partial(_consume, uses) if uses else None


def consuming_unless_replayed(uses: tuple[SingleUse, ...]) -> Callable[[], None] | None:
    """What to write beside a refusal's row: what proved the client for it proves it no second time."""
    return partial(_consume_unless_replayed, uses) if uses else None


def forget_expired(now: datetime) -> int:
    """Delete what would be refused for its age by now; the number of rows."""
    deleted, _ = UsedJti.objects.filter(expires_at__lt=now).delete()
    return deleted


def _consume(uses: Iterable[SingleUse]) -> None:
    for once in uses:
        if not _inserted(once):
            raise once.refusal


def _consume_unless_replayed(uses: Iterable[SingleUse]) -> None:
    for once in uses:
        _inserted(once)


_INSERT = (
    f"INSERT INTO {UsedJti._meta.db_table} (holder, jti_digest, expires_at) VALUES (%s, %s, %s) "  # noqa: S608
    "ON CONFLICT (holder, jti_digest) DO NOTHING"
)


def _inserted(once: SingleUse) -> bool:
    """Of two at the same moment the second waits for the first to commit."""
    instant = connection.ops.adapt_datetimefield_value(once.expires_at)
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [once.holder, once.jti_digest, instant])
        return bool(cursor.rowcount == 1)
