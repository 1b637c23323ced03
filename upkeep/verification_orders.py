"""Orders of a verification: at most one waits or runs for maintenance, on all machines together.

A runner shows by its heartbeat that it lives. The order of one that was killed is taken up again, from the start.
"""

import secrets
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet, Sum
from django.utils import timezone

from audit.models import Checkpoint
from formats.masking import cleaned
from issuers.versioning.history import current_actor, current_source
from upkeep.models import VerificationOrder

State = VerificationOrder.State
LEASE = timedelta(minutes=10)
"""A runner without a heartbeat for this long was killed: the longest step between two takes a few minutes."""
MAX_STARTS = 3
MAX_RESULT = 500
KILLED = (
    "It was started {starts} times, and each time its process ended before it was done. Run manage.py audit verify, "
    "and see how that ends."
)
ENDED = "The command that ran it ended before it was done."


class LostOrderError(Exception):
    """Another runner has taken the order up, since this one had shown no heartbeat for long."""


def order(*, now: datetime, since: datetime | None = None, until: datetime | None = None) -> bool:
    """Ask maintenance for a verification, by the actor of this moment. False where one waits or runs already."""
    try:
        with transaction.atomic():
            _made(now=now, since=since, until=until, is_chore=True).save()
    except IntegrityError:
        return False
    return True


def begun_by_command(*, since: datetime | None, until: datetime | None) -> VerificationOrder:
    """For a command, which runs it now and beside any other."""
    made = _made(now=timezone.now(), since=since, until=until, is_chore=False)
    made.state, made.runner, made.starts = State.RUNNING, secrets.token_hex(16), 1
    made.heartbeat_at, made.rows_total = made.asked_at, _rows_total()
    made.save()
    return made


def _made(
    *, now: datetime, since: datetime | None, until: datetime | None, is_chore: bool
) -> VerificationOrder:
    return VerificationOrder(
        asked_by=cleaned(current_actor())[:150],
        source=current_source(),
        asked_at=now,
        since=since,
        until=until,
        is_chore=is_chore,
    )


def take_up(now: datetime) -> VerificationOrder | None:
    """The order that waits, or whose runner was killed; it is this process's from now on. None: there is none."""
    if not VerificationOrder.objects.filter(state__in=[State.WAITING, State.RUNNING]).exists():
        return None
    _fail_killed(now)
    runner = secrets.token_hex(16)
    free = Q(state=State.WAITING) | Q(state=State.RUNNING) & _is_silent(now)
    taken = VerificationOrder.objects.filter(free, is_chore=True).update(
        state=State.RUNNING, runner=runner, starts=F("starts") + 1, heartbeat_at=now, rows_done=0
    )
    if not taken:
        return None
    VerificationOrder.objects.filter(runner=runner).update(rows_total=_rows_total())
    return VerificationOrder.objects.get(runner=runner)


def beat(running: VerificationOrder, *, rows_done: int) -> None:
    """Show how far it has come. Raises LostOrderError."""
    _write(running, state=State.RUNNING, rows_done=rows_done, heartbeat_at=timezone.now())


def finish(running: VerificationOrder, *, problems: int, findings: str, result: str, rows: int) -> None:
    """Raises LostOrderError."""
    _write(
        running, state=State.DONE, problems=problems, findings=findings, result=result[:MAX_RESULT], rows_done=rows,
        ended_at=timezone.now(),
    )  # fmt: skip


def fail(running: VerificationOrder, reason: str) -> None:
    """Raises LostOrderError."""
    _write(running, state=State.FAILED, result=cleaned(reason)[:MAX_RESULT], ended_at=timezone.now())


def give_back(running: VerificationOrder) -> None:
    """The runner has to stop: the next one need not wait until its lease is over."""
    _own(running).update(state=State.WAITING, starts=F("starts") - 1)


def _write(running: VerificationOrder, **columns: object) -> None:
    if not _own(running).update(**columns):
        raise LostOrderError(f"Another process has taken up the verification {running.pk}.")


def _own(running: VerificationOrder) -> QuerySet[VerificationOrder]:
    """The row as long as it is this runner's; a command that was only suspended keeps its own."""
    own = VerificationOrder.objects.filter(runner=running.runner)
    return own.filter(state=State.RUNNING) if running.is_chore else own


def _is_silent(now: datetime) -> Q:
    """A heartbeat far ahead is of a clock that has been set back since."""
    return Q(heartbeat_at__lte=now - LEASE) | Q(heartbeat_at__gte=now + LEASE)


def _fail_killed(now: datetime) -> None:
    """Those that nobody takes up again: of a command that was killed, and of a chore that kills its runners."""
    silent = VerificationOrder.objects.filter(_is_silent(now), state=State.RUNNING)
    failed = {"state": State.FAILED, "ended_at": now}
    silent.filter(is_chore=False).update(**failed, result=ENDED)
    silent.filter(starts__gte=MAX_STARTS).update(**failed, result=KILLED.format(starts=MAX_STARTS))


def _rows_total() -> int:
    return Checkpoint.objects.aggregate(rows=Sum("row_count"))["rows"] or 0
