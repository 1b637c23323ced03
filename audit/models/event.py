"""The row of a token request, and its trace."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

FORMAT = 1
"""The format of rows written now; a leaf of the seal is made of a row's non-null fields."""


class Outcome(models.TextChoices):
    ISSUED = "issued", "Issued"
    REFUSED = "refused", "Refused"
    FAILED = "failed", "Failed"


class IssuanceEvent(models.Model):
    """One token request. Issued: authorised and committed, then signed; the answer may never have arrived.

    Append-only in the database (audit/protection/triggers.py). Failed: signing failed after the commit, a second row.
    """

    at = models.DateTimeField()
    request_id = models.CharField(max_length=36)
    caller_request_id = models.CharField(
        max_length=64, blank=True, help_text="The caller's own X-Request-ID."
    )
    issuer = models.CharField(max_length=400, help_text="The issuer's URL.")
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    http_status = models.PositiveSmallIntegerField("HTTP status")
    grant_type = models.CharField(max_length=100, blank=True)
    client_id = models.CharField(
        "client ID", max_length=255, blank=True, help_text="As claimed by the request."
    )
    auth_method = models.CharField("authentication", max_length=64, blank=True, help_text="As presented.")
    credential = models.CharField(
        max_length=100, blank=True, help_text="What proved the client; never the secret."
    )
    subject = models.CharField(max_length=255, blank=True)
    scope_requested = models.CharField(max_length=1000, blank=True)
    scope = models.CharField(max_length=4000, blank=True)
    resource_requested = models.CharField(max_length=1000, blank=True)
    audience = models.CharField(max_length=4000, blank=True, help_text="Separated by spaces.")
    claim_template = models.CharField(
        max_length=130, blank=True, help_text="Its name and the id of its history row."
    )
    jti = models.CharField("token ID (jti)", max_length=64, blank=True)
    kid = models.CharField("key ID (kid)", max_length=128, blank=True)
    alg = models.CharField("algorithm", max_length=10, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    confirmation = models.CharField(  # noqa: DJ001 - rows from before the column, and their leaves, stay as they are
        max_length=100, null=True, blank=True,
        help_text="What the token is bound to: the thumbprint of a certificate (x5t#S256:), of a DPoP key (jkt:).",
    )  # fmt: skip
    error = models.CharField(max_length=64, blank=True)
    detail = models.CharField(
        max_length=500, blank=True, help_text="Why, and what to do; only here and in the log."
    )
    ip = models.CharField("address", max_length=45, blank=True)
    user_agent = models.CharField(max_length=255, blank=True)
    actor = models.CharField(
        max_length=150, blank=True, help_text="Who asked for a test token in the console."
    )
    is_test = models.BooleanField("test", default=False)
    format = models.PositiveSmallIntegerField(default=FORMAT)

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name = "token request"
        # The filters of the record, each in the order of its pages (audit/reading/pages.py).
        indexes = [
            models.Index(fields=["at", "id"], name="event_at_id"),
            models.Index(fields=["issuer", "at", "id"], name="event_issuer_at"),
            models.Index(fields=["client_id", "at", "id"], name="event_client_at"),
            models.Index(fields=["credential", "at", "id"], name="event_credential_at"),
            models.Index(fields=["kid", "at", "id"], name="event_kid_at"),
            models.Index(fields=["ip", "at", "id"], name="event_ip_at"),
            models.Index(fields=["error", "at", "id"], condition=~Q(error=""), name="event_error_at"),
            models.Index(
                fields=["outcome", "at", "id"], condition=~Q(outcome=Outcome.ISSUED), name="event_outcome_at"
            ),
            models.Index(fields=["request_id"], name="event_request_id"),
            models.Index(fields=["jti"], condition=~Q(jti=""), name="event_jti"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(outcome__in=Outcome.values), name="event_known_outcome"),
            models.CheckConstraint(
                condition=Q(outcome=Outcome.ISSUED, error="")
                & ~Q(jti="")
                & ~Q(kid="")
                & Q(expires_at__isnull=False)
                | ~Q(outcome=Outcome.ISSUED) & ~Q(error=""),
                name="event_issued_or_error",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.client_id or 'unknown'} {self.outcome}"


class Trace(models.Model):
    """All steps of one request, stored while its relying party's `trace_until` is ahead. May be pruned at any time."""

    event = models.OneToOneField(
        IssuanceEvent,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        primary_key=True,
        related_name="trace",
    )
    content = models.JSONField()

    def __str__(self) -> str:
        return f"Trace of event {self.event_id}"
