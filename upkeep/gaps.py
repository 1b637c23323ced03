"""Periods in which nothing was recorded, as operational events.

A process knows the periods in which its requests were answered 503. The record shows those in which no server ran.
"""

import os
import socket
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from audit.models import IssuanceEvent, OperationalEvent
from audit.sealing.leaf import instant
from audit.writing.operational_events import COMMANDS, SERVER, record_act
from audit.writing.record_health import RECORD_HEALTH, Gap
from upkeep.models import LastRun

MIN_SILENCE = timedelta(minutes=5)
"""A shorter silence before a start is not a gap: the rows of the stop and of the start show it."""
REFUSED = (
    "From {since} to {until} this process could not record{times}: {failures} requests got 503. {reason}"
)
SILENT = (
    "From {since} to {until} no server recorded anything or did maintenance: none was running, or none reached the "
    "database."
)


def lasts() -> bool:
    return RECORD_HEALTH.gap is not None


def write_ended() -> None:
    """One row for each ended period of this process. Raises the errors of the database, and keeps the periods then."""
    gap = RECORD_HEALTH.take_ended()
    if gap is None:
        return
    try:
        _record(now=timezone.now(), target=f"process {os.getpid()}", detail=_in_words(gap))
    except Exception:
        RECORD_HEALTH.give_back(gap)
        raise


def record_silence(*, before: datetime, now: datetime) -> None:
    """A row if no server of any host ran for long before this start."""
    last = _last_sign(before)
    if last is None or before - last <= _min_silence():
        return
    detail = SILENT.format(since=instant(last), until=instant(before))
    _record(now=now, target="all servers", detail=detail)


def _in_words(gap: Gap) -> str:
    times = f", {gap.periods} times" if gap.periods > 1 else ""
    until = instant(gap.until or timezone.now())
    return REFUSED.format(
        since=instant(gap.since), until=until, times=times, failures=gap.failures, reason=gap.reason
    )


def _min_silence() -> timedelta:
    """A server without requests does maintenance at this interval, if it does any."""
    return max(MIN_SILENCE, 2 * timedelta(seconds=settings.ENVIRONMENT.maintain_every))


def _last_sign(before: datetime) -> datetime | None:
    """Of any server. None: there was no server yet, or maintenance has run since and nobody knows when before."""
    run = LastRun.objects.values_list("started_at", flat=True).first()
    if run is not None and run >= before:
        return None
    events = IssuanceEvent.objects.filter(at__lt=before).order_by("-at", "-id")
    # A command needs no server.
    acts = OperationalEvent.objects.filter(at__lt=before).exclude(source__in=COMMANDS).order_by("-id")
    signs = [run, *(rows.values_list("at", flat=True).first() for rows in (events, acts))]
    return max((sign for sign in signs if sign), default=None)


def _record(*, now: datetime, target: str, detail: str) -> None:
    kind, host = OperationalEvent.Kind.GAP, socket.gethostname()
    record_act(kind, now=now, actor=host, source=SERVER, target=target, detail=detail)
