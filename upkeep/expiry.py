"""Warnings of what expires soon: each step before an expiry is logged once, also after a restart."""

from collections.abc import Iterable
from datetime import datetime

import structlog
from django.db import transaction

from issuance.outlook.expiry import expiries
from issuers.expiry import Expiry
from upkeep.models import LastRun, ToldEnding

log = structlog.get_logger("upkeep")


def warn_of_expiry(now: datetime) -> tuple[Expiry, ...]:
    """Log what came within a step since the last run. Returns everything that expires soon, logged before or not."""
    found = expiries(now)
    if _untold(found):
        with transaction.atomic():
            # Of two runs one waits, and then finds the rows. After a kill before the commit the next run warns again.
            LastRun.objects.select_for_update().get(id=1)
            ToldEnding.objects.filter(ends_at__lte=now).delete()
            untold = _untold(found)
            for expiry in untold:
                _warn(expiry)
            ToldEnding.objects.bulk_create(_row(expiry) for expiry in untold)
    return found


def _untold(found: Iterable[Expiry]) -> list[Expiry]:
    """One for each new row: a key may be registered under two names, a certificate twice."""
    reported = set(ToldEnding.objects.values_list("subject", "ends_at", "days"))
    untold: dict[tuple[str, datetime, int], Expiry] = {}
    for expiry in found:
        untold.setdefault((subject_of(expiry), expiry.at, expiry.days), expiry)
    return [expiry for row, expiry in untold.items() if row not in reported]


def _row(expiry: Expiry) -> ToldEnding:
    return ToldEnding(subject=subject_of(expiry), ends_at=expiry.at, days=expiry.days)


def subject_of(expiry: Expiry) -> str:
    """Identifies what ends, also when its end moves."""
    return ":".join([expiry.kind, str(expiry.id), *([expiry.thumbprint] if expiry.thumbprint else [])])


def _warn(expiry: Expiry) -> None:
    log.warning(
        "ends_soon",
        kind=expiry.kind,
        what=expiry.name,
        issuer=expiry.issuer,
        ends_at=expiry.at.isoformat(),
        within_days=expiry.days,
        is_replaced=expiry.is_replaced,
        advice=expiry.advice,
    )
