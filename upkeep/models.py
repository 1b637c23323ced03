"""When maintenance last began, so that one of many processes does it, and what it has warned of or sent already."""

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
    """A warning that was given: the subject expires within so many days. A moved expiry is warned of again."""

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
    """The last checkpoint that was sent to one destination."""

    place = models.CharField(max_length=64, unique=True)
    """SHA-256 of its setting and value, which may be a secret."""
    number = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.place} has {self.number}"


def take_turn(now: datetime, *, every: timedelta) -> bool:
    """Whether a run may start, which is noted: of many processes that ask at once, only one gets True.

    No run starts within `every` before or after the last start: the clock may have been set back, or be another host's.
    """
    due = Q(started_at=None) | Q(started_at__lte=now - every) | Q(started_at__gte=now + every)
    return LastRun.objects.filter(due, id=1).update(started_at=now) == 1
