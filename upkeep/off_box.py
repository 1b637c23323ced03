"""Statements of checkpoints sent elsewhere, where the owner of the database cannot rewrite them.

In the order of their numbers, each at least once: it is noted as sent after it was sent. A new destination gets all.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.db.models import Max
from django.utils import timezone

from audit.models import Checkpoint
from runtime.outbound.posting import NotSentError, post
from upkeep.models import SentCheckpoint

MAX_AT_ONCE = 100
"""Statements of a run: a destination that was away for long catches up in several runs."""


@dataclass(frozen=True, slots=True)
class Destination:
    setting: str
    key: str
    """The name under which its progress is stored."""
    deliver: Callable[[str], None]
    """Hands over a statement for good. Raises NotSentError."""

    def send(self, _now: datetime) -> int:
        """Send what it lacks; the number of statements. Raises NotSentError; the ones before are noted as sent."""
        sent, _ = SentCheckpoint.objects.get_or_create(place=self.key)
        newest = Checkpoint.objects.aggregate(newest=Max("number"))["newest"] or 0
        if sent.number > newest:
            raise NotSentError(
                f"{self.setting} is noted to have checkpoint {sent.number}, and the newest is {newest}: checkpoints "
                "were removed, or the note was changed. Run manage.py audit verify --checkpoint FILE, whose lines are "
                "the statements that were sent."
            )
        new = Checkpoint.objects.filter(number__gt=sent.number).order_by("number")
        statements = list(new.values_list("number", "statement")[:MAX_AT_ONCE])
        for number, statement in statements:
            self.deliver(statement)
            # Of two runs at once, the one that is behind does not move the number back.
            behind = SentCheckpoint.objects.filter(place=self.key, number__lt=number)
            behind.update(number=number, sent_at=timezone.now())
        return len(statements)

    @property
    def progress(self) -> SentCheckpoint | None:
        """None: nothing was sent yet."""
        return SentCheckpoint.objects.filter(place=self.key, number__gt=0).first()


def destinations() -> Iterator[Destination]:
    """The destinations that the settings name."""
    if settings.CHECKPOINT_FILE:
        yield _destination(
            "CHECKPOINT_FILE", str(settings.CHECKPOINT_FILE), partial(append, settings.CHECKPOINT_FILE)
        )
    if settings.CHECKPOINT_URL:
        yield _destination("CHECKPOINT_URL", settings.CHECKPOINT_URL, partial(post, settings.CHECKPOINT_URL))


def _destination(setting: str, value: str, deliver: Callable[[str], None]) -> Destination:
    return Destination(
        setting=setting, key=sha256(f"{setting}={value}".encode()).hexdigest(), deliver=deliver
    )


def append(path: Path, statement: str) -> None:
    """A line of its own, on disk when this returns: in one write, after the end of a line that was cut off."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            _write_whole(descriptor, statement)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise NotSentError(
            f"CHECKPOINT_FILE {path} cannot be written ({error.strerror}): correct it, the next run goes on from there."
        ) from error


def _write_whole(descriptor: int, statement: str) -> None:
    size = os.fstat(descriptor).st_size
    is_cut = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
    line = (("\n" if is_cut else "") + statement + "\n").encode()
    if os.write(descriptor, line) < len(line):
        raise OSError(0, "the disk is full")
    os.fsync(descriptor)
