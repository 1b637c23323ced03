"""What may be used once: kept until it would be refused anyway. And what owners of clients were sent notices of."""

from django.db import models
from django.db.models import Q


class UsedJti(models.Model):
    """That a JWT was used, by the digest of its jti; written in the transaction of the request's row of the record."""

    holder = models.CharField(
        max_length=100, help_text="Whose it is: client:17, or dpop:thumbprint of the key."
    )
    jti_digest = models.CharField(max_length=64, help_text="SHA-256 of the jti, hexadecimal.")
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = "used JWT"
        constraints = [
            models.UniqueConstraint(fields=["holder", "jti_digest"], name="jti_used_once"),
            models.CheckConstraint(condition=~Q(holder=""), name="used_jti_has_holder"),
        ]

    def __str__(self) -> str:
        return f"{self.holder} {self.jti_digest[:8]}"


class Notice(models.Model):
    """A notice to the owner of a client, by one channel: claimed in the database before it is sent.

    Of all processes one moves `due_at` and so may send it; one that dies meanwhile leaves it to be due again.
    """

    subject = models.CharField(max_length=100, help_text="What it is about, such as failing:17.")
    instant = models.DateTimeField(
        help_text="When that ends; for a client that fails, the hour of its last token."
    )
    days = models.PositiveSmallIntegerField(help_text="The step before the end; 0 for a client that fails.")
    channel = models.CharField(max_length=10)
    relying_party_id = models.PositiveBigIntegerField()
    client_id = models.CharField(max_length=255)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=300, blank=True, help_text="Of the last attempt.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject", "instant", "days", "channel"], name="notice_once"),
        ]

    def __str__(self) -> str:
        return f"{self.subject} by {self.channel}"
