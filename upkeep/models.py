"""What maintenance keeps of itself: when it last began, what it has warned of or sent, and verifications in order."""

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
    sent_at = models.DateTimeField(null=True)
    """When the newest of them was sent."""

    def __str__(self) -> str:
        return f"{self.place} has {self.number}"


class VerificationOrder(models.Model):
    """A verification of the record: ordered in the console and run by maintenance, or run by a command.

    Shows how far it has come. What came out is also an Inspection, which is sealed; this row is not.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waits"
        RUNNING = "running", "Runs"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    asked_by = models.CharField(max_length=150)
    source = models.CharField(max_length=10)
    asked_at = models.DateTimeField()
    since = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    """Both null: all rows."""
    is_chore = models.BooleanField()
    """Whether maintenance runs it. False: the command that made the row does."""
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    runner = models.CharField(max_length=32, blank=True)
    """A random name of who runs it: only that one may write."""
    starts = models.PositiveSmallIntegerField(default=0)
    """How often it was started: again after its runner was killed."""
    heartbeat_at = models.DateTimeField(null=True)
    rows_total = models.PositiveBigIntegerField(default=0)
    """An estimate from the checkpoints."""
    rows_done = models.PositiveBigIntegerField(default=0)
    problems = models.PositiveIntegerField(default=0)
    findings = models.TextField(blank=True)
    """The first findings, one a line."""
    result = models.CharField(max_length=500, blank=True)
    """In words, or why it failed."""
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        default_permissions = ()
        permissions = [("order_verification", "Can order a verification of the record")]
        constraints = [
            models.UniqueConstraint(
                models.Value(1),
                condition=Q(is_chore=True, state__in=["waiting", "running"]),
                name="one_verification_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"Verification for {self.asked_by}: {self.get_state_display()}"

    @property
    def is_open(self) -> bool:
        return self.state in {self.State.WAITING, self.State.RUNNING}


def take_turn(now: datetime, *, every: timedelta) -> bool:
    """Whether a run may start, which is noted: of many processes that ask at once, only one gets True.

    No run starts within `every` before or after the last start: the clock may have been set back, or be another host's.
    """
    due = Q(started_at=None) | Q(started_at__lte=now - every) | Q(started_at__gte=now + every)
    return LastRun.objects.filter(due, id=1).update(started_at=now) == 1
