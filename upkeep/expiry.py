"""Warnings of what expires soon: each step before an expiry is logged once, also after a restart."""

from collections.abc import Iterable
from datetime import datetime

import structlog
from django.db import transaction

from issuance.outlook.expiry import endings
from issuers.expiry import Expiry
from upkeep.models import LastRun, ToldEnding

log = structlog.get_logger("upkeep")


def warn_of_expiry(now: datetime) -> tuple[Expiry, ...]:
    """Log what came within a step since the last run. Returns everything that expires soon, logged before or not."""
    found = endings(now)
    if _untold(found):
        with transaction.atomic():
            # Of two runs one waits, and then finds the rows. After a kill before the commit the next run warns again.
            LastRun.objects.select_for_update().get(id=1)
            ToldEnding.objects.filter(ends_at__lte=now).delete()
            untold = _untold(found)
            for ending in untold:
                _warn(ending)
            ToldEnding.objects.bulk_create(_row(ending) for ending in untold)
    return found


def _untold(found: Iterable[Expiry]) -> list[Expiry]:
    """One for each new row: a key may be registered under two names, a certificate twice."""
    told = set(ToldEnding.objects.values_list("subject", "ends_at", "days"))
    untold: dict[tuple[str, datetime, int], Expiry] = {}
    for ending in found:
        untold.setdefault((subject_of(ending), ending.at, ending.days), ending)
    return [ending for row, ending in untold.items() if row not in told]


def _row(ending: Expiry) -> ToldEnding:
    return ToldEnding(subject=subject_of(ending), ends_at=ending.at, days=ending.days)


def subject_of(ending: Expiry) -> str:
    """Identifies what ends, also when its end moves."""
    return ":".join([ending.kind, str(ending.id), *([ending.thumbprint] if ending.thumbprint else [])])


def _warn(ending: Expiry) -> None:
    log.warning(
        "ends_soon",
        kind=ending.kind,
        what=ending.name,
        issuer=ending.issuer,
        ends_at=ending.at.isoformat(),
        within_days=ending.days,
        is_replaced=ending.is_replaced,
        advice=ending.advice,
    )
