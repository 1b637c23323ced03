"""manage.py maintain: for a timer, a service of its own, or a run now."""

import json
import signal
import time
from argparse import ArgumentParser, ArgumentTypeError
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connections
from django.utils import timezone

from upkeep.attempts import Attempts, Failure
from upkeep.maintenance import Done, run
from upkeep.verification_run import run_ordered

MAX_PAUSE = 86_400
MINUTE = timedelta(minutes=1)


class Command(BaseCommand):
    help = (
        "Do the maintenance that is due: announce keys, wipe old ones, warn of what expires soon, note the last use of "
        "credentials, clear sessions, seal the record, run the verification that was ordered in the console."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--json", action="store_true", dest="as_json", help="Report as one JSON object a run."
        )
        parser.add_argument(
            "--every",
            type=_seconds,
            metavar="SECONDS",
            help="Go on until SIGTERM or SIGINT, with this pause after each run.",
        )

    def handle(self, *, as_json: bool, every: int | None, **_options: Any) -> None:
        if every is not None:
            self._go_on(every, as_json=as_json)
            return
        done = run()
        self._report(done, as_json=as_json)
        # A run that failed leaves the verification to the next one.
        failed = done.failed or self._verify(as_json=as_json)
        if failed:
            raise CommandError(f"Not done: {', '.join(failure.chore for failure in failed)}.")

    def _go_on(self, seconds: int, *, as_json: bool) -> None:
        """Until a signal, which may interrupt a run at any point."""
        for stop in (signal.SIGTERM, signal.SIGINT):
            signal.signal(stop, signal.default_int_handler)
        with suppress(KeyboardInterrupt):
            while True:
                self._report(run(), as_json=as_json)
                self._verify(as_json=as_json)
                connections.close_all()
                time.sleep(seconds)

    def _report(self, done: Done, *, as_json: bool) -> None:
        lines = [json.dumps(asdict(done), cls=DjangoJSONEncoder)] if as_json else _lines(done)
        self._print(*lines)

    def _verify(self, *, as_json: bool) -> tuple[Failure, ...]:
        """The verification that was ordered in the console, if any. Maintenance goes on meanwhile, unreported."""
        attempts = Attempts(timezone.now())
        order = attempts.of(
            "verify the record", lambda _now: run_ordered(meanwhile=_maintain_each_minute), otherwise=None
        )
        for failure in attempts.failed:
            self.stderr.write(f"failed to {failure.chore}: {failure.reason}")
        if order is not None:
            told = {
                "verification": {"asked_by": order.asked_by, "state": order.state, "result": order.result}
            }
            line = f"verification for {order.asked_by}: {order.result}"
            self._print(json.dumps(told) if as_json else line)
        return attempts.failed

    def _print(self, *lines: str) -> None:
        self.stdout.write("\n".join(lines))
        self.stdout.flush()


def _maintain_each_minute() -> None:
    run(every=MINUTE)


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_PAUSE):
        raise ArgumentTypeError(f"a whole number of seconds from 1 to {MAX_PAUSE}, not {text!r}")
    return int(text)


def _lines(done: Done) -> list[str]:
    return [
        f"{done.credential_uses} last uses of credentials noted",
        f"{done.expired_sessions} expired sessions cleared",
        f"{done.forgotten_uses} uses of assertions and proofs forgotten",
        f"{done.sealed_rows} rows of the record sealed",
        *([f"{done.sent_notices} notices to owners of clients sent"] if done.sent_notices else []),
        *([f"{done.sent_checkpoints} statements of checkpoints sent"] if done.sent_checkpoints else []),
        *(f"key {kid} is overdue: it signs longer than its rotation period" for kid in done.overdue_keys),
        *(f"key {kid} announced" for kid in done.announced_keys),
        *(f"the certificate chain of key {kid} cannot be read: attach one" for kid in done.unreadable_chains),
        *(f"private half of key {kid} wiped" for kid in done.wiped_keys),
        *(f"{expiry}. {expiry.advice}" for expiry in done.endings),
        *(f"failed to {failure.chore}: {failure.reason}" for failure in done.failed),
    ]
