"""Requests that are only counted: refusals of a flood, instead of rows, and the sums of each hour, beside the rows."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from audit.models.event import FORMAT, Outcome


class RefusalCount(models.Model):
    """Refusals before authentication succeeded, beyond the budget of a source network: counted instead of stored.

    Append-only; one minute, issuer, network and error may have several rows, which are added.
    """

    at = models.DateTimeField(help_text="The start of the minute.")
    issuer = models.CharField(max_length=400)
    network = models.CharField(max_length=50)
    error = models.CharField(max_length=64)
    refused = models.PositiveIntegerField()
    written_at = models.DateTimeField(
        default=timezone.now, help_text="Counts wait in a server while the database is away."
    )
    format = models.PositiveSmallIntegerField(default=FORMAT)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["at"], name="refusals_at")]
        constraints = [models.CheckConstraint(condition=Q(refused__gte=1), name="refusals_counted")]

    def __str__(self) -> str:
        return f"{self.refused} from {self.network}"


class HourlyCount(models.Model):
    """How many sealed requests an hour had, for charts and reports.

    Computed from the record, so it proves nothing itself; a verification compares it with the record. `client_id` is
    empty where nothing proved the client: a claimed client id may be any text.
    """

    hour = models.DateTimeField(help_text="Its start.")
    issuer = models.CharField(max_length=400)
    client_id = models.CharField(max_length=255, blank=True)
    audience = models.CharField(max_length=4000, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    error = models.CharField(max_length=64, blank=True)
    requests = models.PositiveBigIntegerField()
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of what is counted together.")

    class Meta:
        ordering = ["hour", "issuer", "client_id"]
        indexes = [
            models.Index(fields=["hour"], name="count_hour"),
            models.Index(fields=["client_id", "hour"], name="count_client_hour"),
        ]

    def __str__(self) -> str:
        return f"{self.requests} {self.outcome} at {self.hour:%Y-%m-%d %H:00}"
