"""What was done to the server itself, by people and by its own processes."""

from __future__ import annotations

from django.db import models

from audit.models.event import FORMAT


class OperationalEvent(models.Model):
    """A sign-in, a change of an account, a start or stop of the server, an act on the record. Append-only and sealed.

    Never holds a password, a hash, a session or a secret.
    """

    class Kind(models.TextChoices):
        SIGN_IN = "sign_in", "Sign-in"
        SIGN_IN_FAILED = "sign_in_failed", "Failed sign-in"
        SIGN_OUT = "sign_out", "Sign-out"
        ACCOUNT_CHANGED = "account_changed", "Change of an account"
        STARTED = "started", "Start of the server"
        STOPPED = "stopped", "Stop of the server"
        GAP = "gap", "Gap in the record"
        FINDING_ACKNOWLEDGED = "finding_acknowledged", "Acknowledgement of a finding"
        TRIGGERS_INSTALLED = "triggers_installed", "Installation of triggers"
        SECRET_LOOKED_UP = "secret_looked_up", "Look-up of a secret"

    at = models.DateTimeField()
    kind = models.CharField(max_length=32, choices=Kind.choices)
    actor = models.CharField(max_length=150, help_text="Who did it; the server: its host.")
    source = models.CharField(
        max_length=10, help_text="Through which channel: admin, api, command or server."
    )
    address = models.CharField(
        max_length=45, blank=True, help_text="The caller's address, where a request did it."
    )
    target = models.CharField(max_length=300, blank=True, help_text="What it was done to.")
    detail = models.CharField(max_length=4000, blank=True)
    statement = models.TextField(
        blank=True, help_text="Of an acknowledgement: a JWT in compact serialization, by the record key."
    )
    format = models.PositiveSmallIntegerField(default=FORMAT)

    class Meta:
        ordering = ["-id"]
        permissions = [("acknowledge_finding", "Can acknowledge a finding of a verification")]
        indexes = [models.Index(fields=["kind", "id"], name="operational_kind_id")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} by {self.actor}"
