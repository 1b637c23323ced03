"""What may be used once: kept until it would be refused anyway."""

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
