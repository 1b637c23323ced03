"""Rows for acts on the record itself."""

from __future__ import annotations

from django.db import models

from audit.models.event import FORMAT


class Inspection(models.Model):
    """A row for each export, verification or pruning of the record. Append-only and sealed, as the record is."""

    class Act(models.TextChoices):
        EXPORT = "export", "Export"
        VERIFY = "verify", "Verification"
        PRUNE = "prune", "Pruning"

    at = models.DateTimeField()
    actor = models.CharField(max_length=150)
    source = models.CharField(max_length=10, help_text="The channel: admin, api or command.")
    act = models.CharField(max_length=10, choices=Act.choices)
    filter = models.CharField(
        max_length=2000, blank=True, help_text="Which rows were asked for; empty: all of them."
    )
    rows = models.PositiveBigIntegerField()
    result = models.CharField(max_length=500, blank=True)
    format = models.PositiveSmallIntegerField(default=FORMAT)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.get_act_display()} by {self.actor}"
