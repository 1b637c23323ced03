"""When the chores were begun, so that of many processes one does them, and what they have told."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q


class LastRun(models.Model):
    """One row, made by a migration. `started_at` is null until the first run."""

    started_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_last_run")]

    def __str__(self) -> str:
        return f"started {self.started_at}"


class ToldEnding(models.Model):
    """That an end was told when it came within so many days; an end that moves is told again."""

    subject = models.CharField(max_length=100)
    ends_at = models.DateTimeField()
    days = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject", "ends_at", "days"], name="ending_told_once"),
        ]

    def __str__(self) -> str:
        return f"{self.subject} within {self.days} days of {self.ends_at}"


class SentCheckpoint(models.Model):
    """The last checkpoint that one place outside was sent."""

    place = models.CharField(max_length=64, unique=True)
    """SHA-256 of its setting and value, which may be a secret."""
    number = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.place} has {self.number}"


def take_turn(now: datetime, *, every: timedelta) -> bool:
    """Whether a run may start, which is noted: of many processes that ask at once, one is told so.

    None may within `every` of the last start, on either side: the clock may have been set back, or be another host's.
    """
    due = Q(started_at=None) | Q(started_at__lte=now - every) | Q(started_at__gte=now + every)
    return LastRun.objects.filter(due, id=1).update(started_at=now) == 1
