"""What proves a relying party, when it last did, and what its proof is checked with."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from issuers.versioning.configuration import ConfigurationModel
from issuers.versioning.history import configuration_history
from issuers.versioning.revision import topic
from relying_parties.client_secrets import SecretSnapshot
from relying_parties.models.relying_party import RelyingParty


class ClientSecret(ConfigurationModel):
    """One secret of a relying party; several may be live, so that a rotation overlaps. Only a digest is kept."""

    relying_party = models.ForeignKey(
        RelyingParty, on_delete=models.CASCADE, related_name="secrets", verbose_name="client"
    )
    label = models.CharField(max_length=100, blank=True)
    digest = models.CharField(max_length=100, unique=True, editable=False)
    hint = models.CharField(max_length=4, blank=True, editable=False, help_text="Its last four characters.")
    chosen = models.BooleanField(default=False, editable=False, help_text="A person chose it: replace it.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    history = configuration_history(excluded_fields=("digest",))

    class Meta:
        ordering = ["relying_party", "-created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(chosen=False) | Q(hint=""), name="chosen_secret_no_hint")
        ]

    def __str__(self) -> str:
        return self.label or f"#{self.pk}"

    @property
    def topics(self) -> tuple[str, ...]:
        return (topic("relying_party", self.relying_party_id),)

    def clean(self) -> None:
        latest = self.latest_end
        if latest is None or (self.expires_at is not None and self.expires_at <= latest):
            return
        raise ValidationError(
            {
                "expires_at": f"At most {self.relying_party.issuer.max_client_secret_age} seconds after it was made, "
                f"so {latest:%Y-%m-%d %H:%M:%S} UTC or earlier: no secret of this issuer may live longer."
            }
        )

    @property
    def latest_end(self) -> datetime | None:
        """The latest expiry that the issuer allows; None: it may live until it is revoked."""
        greatest = self.relying_party.issuer.max_client_secret_age
        return None if greatest is None else self.created_at + timedelta(seconds=greatest)

    def is_live(self, now: datetime) -> bool:
        return self.revoked_at is None and self.snapshot.is_live(now)

    @property
    def snapshot(self) -> SecretSnapshot:
        return SecretSnapshot(id=self.pk, digest=self.digest, chosen=self.chosen, expires_at=self.expires_at)


class CredentialUse(models.Model):
    """When a credential last proved its client; `maintain` writes it from the record. No history, no revision."""

    credential = models.CharField(max_length=100, unique=True)
    last_used_at = models.DateTimeField()

    class Meta:
        ordering = ["-last_used_at"]

    def __str__(self) -> str:
        return self.credential


class PepperCheck(models.Model):
    """Identifies the value of a pepper (relying_parties/secrets/peppers.py). No history, no revision."""

    pepper_id = models.CharField(max_length=100, unique=True)
    value = models.CharField(max_length=64)

    def __str__(self) -> str:
        return self.pepper_id
