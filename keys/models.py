"""The keys that sign, and when they change."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from issuers.models import Issuer, SigningAlg
from issuers.versioning.configuration import ConfigurationModel
from issuers.versioning.history import configuration_history
from issuers.versioning.revision import topic
from keys.encryption import EncryptedKey
from keys.schedule import KeyState, state_of

RECORD = 0
"""Used instead of an issuer's id, for the keys of the record."""


class Purpose(models.TextChoices):
    TOKEN = "token", "Access tokens"
    RECORD = "record", "The record"


class SigningKey(ConfigurationModel):
    """A key pair with four instants. The private half is never shown, exported or kept in history."""

    purpose = models.CharField(max_length=10, choices=Purpose.choices, default=Purpose.TOKEN)
    issuer = models.ForeignKey(
        Issuer, on_delete=models.PROTECT, null=True, blank=True, related_name="signing_keys"
    )
    kid = models.CharField("key ID", max_length=128)
    alg = models.CharField("algorithm", max_length=10, choices=SigningAlg.choices)
    public_jwk = models.JSONField("public key")
    encrypted_private_key = models.BinaryField(
        null=True, help_text="Nonce, ciphertext and tag; null when wiped."
    )
    kek_id = models.CharField("key-encryption key", max_length=32, blank=True)
    pkcs11_uri = models.CharField(
        "PKCS#11 URI", max_length=500, blank=True,
        help_text="Where the private half lies, if in a token; blank if it is encrypted here, or wiped.",
    )  # fmt: skip
    certificate_chain = models.TextField(help_text="PEM, leaf first.")
    predecessor = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="successor"
    )
    published_at = models.DateTimeField()
    activates_at = models.DateTimeField()
    retires_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    history = configuration_history(excluded_fields=("encrypted_private_key",))

    class Meta:
        ordering = ["issuer", "alg", "-activates_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["issuer", "kid"], name="kid_once_per_issuer",
                violation_error_message="The issuer has a key of this kid.",
            ),
            models.UniqueConstraint(fields=["kid"], condition=Q(issuer__isnull=True), name="record_kid_once"),
            models.UniqueConstraint(
                fields=["public_jwk"], name="key_once",
                violation_error_message="This key is here already.",
            ),
            models.UniqueConstraint(
                fields=["issuer", "alg"], condition=Q(predecessor__isnull=True, issuer__isnull=False),
                name="one_first_key_per_alg",
                violation_error_message="The issuer has a key of this algorithm; a new one is its successor.",
            ),
            models.UniqueConstraint(
                fields=["purpose"], condition=Q(predecessor__isnull=True, issuer__isnull=True),
                name="one_first_record_key",
            ),
            models.CheckConstraint(
                condition=Q(purpose=Purpose.TOKEN, issuer__isnull=False)
                | Q(purpose=Purpose.RECORD, issuer__isnull=True, alg=SigningAlg.EDDSA),
                name="key_purpose_and_issuer",
            ),
            models.CheckConstraint(condition=Q(alg__in=SigningAlg.values), name="key_known_alg"),
            models.CheckConstraint(
                condition=Q(published_at__lte=F("activates_at"))
                & (
                    Q(retires_at__isnull=True, expires_at__isnull=True)
                    # A comparison with NULL would pass.
                    | Q(retires_at__isnull=False, expires_at__isnull=False)
                    & Q(retires_at__gte=F("activates_at"), expires_at__gte=F("retires_at"))
                ),
                name="key_instants_in_order",
            ),
            models.CheckConstraint(
                condition=Q(encrypted_private_key__isnull=True) | Q(pkcs11_uri=""), name="key_in_one_place"
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.alg} {self.kid}"

    @property
    def topics(self) -> tuple[str, ...]:
        return (topic("signing_keys", self.issuer_id or RECORD),)

    @property
    def owner_url(self) -> str:
        """The owner's URL; the common name of its certificate."""
        return self.issuer.url if self.issuer else f"{settings.PUBLIC_URL}/audit"

    @property
    def identity(self) -> str:
        """The associated data under which the private half is encrypted."""
        return f"{self.purpose}/{self.issuer_id or '-'}/{self.alg}/{self.kid}"

    @property
    def encrypted(self) -> EncryptedKey | None:
        if self.encrypted_private_key is None:
            return None
        return EncryptedKey(
            kek_id=self.kek_id, ciphertext=bytes(self.encrypted_private_key), identity=self.identity
        )

    def state(self, now: datetime | None = None) -> KeyState:
        return state_of(self, now or timezone.now())
