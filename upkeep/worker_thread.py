"""The server does its own maintenance: a thread of each worker wakes now and then, and one of them does what is due."""

import random
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import structlog
from django.db import connections
from django.utils import timezone

from issuers.versioning.history import Source, authored
from upkeep.attempts import Attempts
from upkeep.maintenance import Done, run
from upkeep.verification_run import run_ordered

ACTOR = "maintain"
"""The author of a key's change, in its history, when no person made it."""
JITTER = 0.1
"""Part of the interval by which a thread may wake later, so that the workers do not wake together."""

WHY_OVERDUE = (
    "They go on signing, longer than their issuer's rotation period. Either maintenance has not run for long, and a "
    "successor is announced now, or it could not be made: see chore_failed."
)

log = structlog.get_logger("upkeep")


def start(*, every: timedelta) -> None:
    """Start the thread of this process. Only after the fork, which it would not survive.

    A process that ends does not wait for it: a run may be killed at any point.
    """
    threading.Thread(target=_forever, args=[every], name="upkeep", daemon=True).start()


def _forever(every: timedelta) -> None:
    seconds = every.total_seconds()
    time.sleep(random.uniform(0, JITTER) * seconds)  # noqa: S311 - no secret
    while True:
        one_run(every=every)
        time.sleep(random.uniform(1, 1 + JITTER) * seconds)  # noqa: S311 - no secret


def one_run(*, every: timedelta) -> None:
    """Run maintenance unless another process did within `every`, then the verification that was ordered, if any.

    Logs what concerns the keys, what failed and what differs.
    """
    try:
        with authored(actor=ACTOR, source=Source.COMMAND):
            _maintain(every)
            _verify(meanwhile=partial(_maintain, every))
    finally:
        connections.close_all()


def _maintain(every: timedelta) -> None:
    _tell(run(every=every))


def _verify(*, meanwhile: Callable[[], None]) -> None:
    attempts = Attempts(timezone.now())
    attempts.of(
        "verify the record", lambda _now: run_ordered(meanwhile=meanwhile, rests=True), otherwise=None
    )
    _tell(Done(failed=attempts.failed))


def _tell(done: Done) -> None:
    if done.overdue_keys:
        log.warning("keys_overdue", kids=done.overdue_keys, reason=WHY_OVERDUE)
    if done.announced_keys or done.wiped_keys:
        log.info("maintained", announced_keys=done.announced_keys, wiped_keys=done.wiped_keys)
    for failure in done.failed:
        log.error("chore_failed", chore=failure.chore, reason=failure.reason)
