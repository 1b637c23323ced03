"""What happened. No foreign key leads to the configuration: the rows outlive the client they tell of."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

FORMAT = 1
"""The format of rows written now; a leaf of the seal is made of a row's non-null fields."""


class Outcome(models.TextChoices):
    ISSUED = "issued", "Issued"
    REFUSED = "refused", "Refused"
    FAILED = "failed", "Failed"


class IssuanceEvent(models.Model):
    """One token request. Issued: authorised and committed, then signed; the answer may never have arrived.

    Append-only in the database (audit/triggers.py). Failed: signing failed after the commit, a second row.
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
        ordering = ["-id"]
        verbose_name = "token request"
        indexes = [
            models.Index(fields=["at"], name="event_at"),
            models.Index(fields=["request_id"], name="event_request_id"),
            models.Index(fields=["client_id", "id"], name="event_client"),
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
    """The course of one request, kept while its relying party's `trace_until` is ahead. May be pruned at any time."""

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


class Checkpoint(models.Model):
    """A seal over rows: their leaves, the Merkle root (RFC 9162 section 2.1) and a signature by the record key."""

    created_at = models.DateTimeField(default=timezone.now)
    previous = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="next")
    row_count = models.PositiveIntegerField()
    leaves = models.BinaryField(help_text="Table, id and SHA-256 leaf hash of each row.")
    root = models.CharField(max_length=64, help_text="Hexadecimal.")
    kid = models.CharField(max_length=128)
    signature = models.TextField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            # `previous` is unique: of two sealers one loses. The first has none, and there is one first.
            models.UniqueConstraint(
                models.Value(1), condition=Q(previous__isnull=True), name="one_first_checkpoint"
            ),
            models.CheckConstraint(condition=~Q(signature=""), name="checkpoint_is_signed"),
        ]

    def __str__(self) -> str:
        return f"Checkpoint {self.pk}"


class Tombstone(models.Model):
    """Permission to delete a range of sealed rows, signed and kept in their place."""

    created_at = models.DateTimeField(default=timezone.now)
    actor = models.CharField(max_length=150)
    reason = models.CharField(max_length=500, blank=True)
    first_id = models.PositiveBigIntegerField()
    last_id = models.PositiveBigIntegerField()
    kid = models.CharField(max_length=128)
    signature = models.TextField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(first_id__lte=F("last_id")), name="tombstone_range"),
            models.CheckConstraint(condition=~Q(signature=""), name="tombstone_is_signed"),
        ]

    def __str__(self) -> str:
        return f"Rows {self.first_id} to {self.last_id}"


class RefusalCount(models.Model):
    """Refusals before authentication succeeded, beyond the budget of a source network: counted, not stored singly."""

    at = models.DateTimeField(help_text="The start of the minute.")
    issuer = models.CharField(max_length=400)
    network = models.CharField(max_length=50)
    error = models.CharField(max_length=64)
    refused = models.PositiveIntegerField()
    format = models.PositiveSmallIntegerField(default=FORMAT)

    class Meta:
        ordering = ["-id"]
        constraints = [models.CheckConstraint(condition=Q(refused__gte=1), name="refusals_counted")]

    def __str__(self) -> str:
        return f"{self.refused} from {self.network}"
