"""Running a verification of the record that was ordered: progress and result go into the order and an inspection."""

import time
from collections.abc import Callable

import structlog
from django.db import Error as DatabaseFailure
from django.db import transaction
from django.utils import timezone

from audit.models import Checkpoint, Inspection
from audit.verification.verify import Verification
from audit.writing.inspections import inspected
from issuers.versioning.history import Source, authored
from keys.record_key import record_jwks, statement_reader
from upkeep import verification_orders as orders
from upkeep.models import VerificationOrder

NO_KEY = (
    "Not verified: there are checkpoints, and the public keys of the record are not there. Restore the rows of purpose "
    "record in keys_signingkey from a backup."
)
BEAT_EVERY = 5.0
"""Seconds between two writes of the progress."""
REST = 0.5
"""Seconds of rest for each second of work in a process that also answers requests."""
MAX_REST = 1.0
MAX_FINDINGS = 100
"""Findings whose lines the order keeps."""

log = structlog.get_logger("upkeep")


def _nothing() -> None:
    """Does nothing meanwhile."""


class NoKeyError(Exception):
    """There are checkpoints, and no public key to verify them with; the text says what to do."""


class Progress:
    """Called by a verification as it goes on."""

    def __init__(
        self, order: VerificationOrder, *, meanwhile: Callable[[], None] = _nothing, rests: bool = False
    ) -> None:
        self._order, self._meanwhile, self._rests, self._rows = order, meanwhile, rests, 0
        self._beat_at = self._worked_since = time.monotonic()

    def __call__(self, rows: int) -> None:
        """Raises LostOrderError."""
        self._rows += rows
        if time.monotonic() - self._beat_at >= BEAT_EVERY:
            # Before and after: maintenance may take minutes, and the order is this process's all the while.
            orders.beat(self._order, rows_done=self._rows)
            self._meanwhile()
            orders.beat(self._order, rows_done=self._rows)
            self._beat_at = time.monotonic()
        if self._rests:
            self._rest()

    def _rest(self) -> None:
        worked = time.monotonic() - self._worked_since
        time.sleep(min(worked * REST, MAX_REST))
        self._worked_since = time.monotonic()


def run_ordered(*, meanwhile: Callable[[], None] = _nothing, rests: bool = False) -> VerificationOrder | None:
    """Run the verification that was ordered, if there is one; the order as it ended.

    `meanwhile` is called every few seconds: maintenance goes on in it. Raises the errors of the database: the order is
    taken up again when its lease is over.
    """
    order = orders.take_up(timezone.now())
    if order is None:
        return None
    try:
        carry_out(order, verification_of(order), progress=Progress(order, meanwhile=meanwhile, rests=rests))
    except orders.LostOrderError as lost:
        log.warning("verification_lost", reason=str(lost))
    except DatabaseFailure:
        raise
    except Exception as error:
        orders.fail(order, _reason(error))
    except BaseException:
        orders.give_back(order)
        raise
    order.refresh_from_db()
    _tell(order)
    return order


def verification_of(order: VerificationOrder) -> Verification:
    """Raises NoKeyError."""
    if not record_jwks() and Checkpoint.objects.exists():
        raise NoKeyError(NO_KEY)
    return Verification(read=statement_reader(), now=timezone.now(), since=order.since, until=order.until)


def carry_out(
    order: VerificationOrder,
    verification: Verification,
    *,
    progress: Callable[[int], None],
    tell: Callable[[str], object] = lambda _line: None,
) -> int:
    """Verify, tell each line of what comes out as it is found, and record it; the number of findings."""
    # Copies that are kept elsewhere are removed from the list as they are met.
    chosen, lines, problems = _chosen_rows(verification), [], 0
    verification.progress = progress
    for problem in verification.problems():
        problems += 1
        if problems <= MAX_FINDINGS:
            lines.append(problem.line)
        tell(problem.line)
    result = _summary(verification, problems)
    for line in [*verification.acknowledged, *verification.pruned, *verification.not_compared, result]:
        tell(line)
    with transaction.atomic(), authored(actor=order.asked_by, source=Source(order.source)):
        orders.finish(
            order, problems=problems, findings="\n".join(lines), result=result, rows=verification.rows
        )
        inspected(
            act=Inspection.Act.VERIFY,
            now=timezone.now(),
            rows=verification.rows,
            event_filter=chosen,
            result=result,
        )
    return problems


def _chosen_rows(verification: Verification) -> str:
    """Which rows are compared, as an inspection says it; empty: all."""
    since, until, kept = verification.since, verification.until, len(verification.copies.digests)
    chosen = [f"from {since.isoformat()}" if since else "", f"to {until.isoformat()}" if until else "",
              f"{kept} statements kept elsewhere" if kept else ""]  # fmt: skip
    return " ".join(filter(None, chosen))


def _summary(verification: Verification, found: int) -> str:
    waiting = f", {verification.waiting} rows wait for the next" if verification.waiting else ""
    result = f"{found} problems" if found else "verified, no differences"
    if verification.not_compared and not found:
        result = "no problem, but not all could be compared"
    elif verification.acknowledged:
        result = f"{result} but {len(verification.acknowledged)} acknowledged findings"
    return f"{verification.rows} rows under {verification.checkpoints} checkpoints{waiting}: {result}."


def _reason(error: Exception) -> str:
    first_line = str(error).partition("\n")[0]
    return (
        first_line if isinstance(error, NoKeyError) else f"Not verified: {type(error).__name__}: {first_line}"
    )


def _tell(order: VerificationOrder) -> None:
    if order.problems:
        log.error("record_differs", problems=order.problems, reason=order.result)
    elif order.state == VerificationOrder.State.FAILED:
        log.error("verification_failed", reason=order.result)
