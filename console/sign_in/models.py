"""Who is signed in, and what users prove themselves by besides a password."""

import json
from hashlib import sha256
from uuid import uuid4

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

from console.sign_in.session_store import SessionStore
from keys.encrypted_secret import EncryptedSecret


class ConsoleSession(AbstractBaseSession):
    """A browser that is signed in, or one that keeps a message for its next page: then it has no user.

    Pages name it by `public_id`, which opens nothing. It is not unique: while its key is replaced a session
    has two rows.
    """

    session_key = models.CharField("digest of the session key", max_length=64, primary_key=True)
    public_id = models.UUIDField(default=uuid4, editable=False, db_index=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    since = models.DateTimeField(help_text="When its user signed in.")
    last_seen_at = models.DateTimeField()
    address = models.CharField(max_length=45, blank=True, help_text="From which its user signed in.")
    browser = models.CharField(max_length=200, blank=True, help_text="As it named itself then.")

    class Meta(AbstractBaseSession.Meta):
        verbose_name = "session"
        verbose_name_plural = "sessions"

    def __str__(self) -> str:
        return f"session since {self.since:%Y-%m-%d %H:%M} UTC from {self.address or 'an unknown address'}"

    @classmethod
    def get_session_store_class(cls) -> type[SessionStore]:
        return SessionStore


class SecondFactor(EncryptedSecret):
    """The secret of a user's authenticator app (TOTP, RFC 6238): 160 bits, SHA-1, 6 digits, 30 seconds.

    It counts from `confirmed_at` on, when the user has shown a code of it.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    confirmed_at = models.DateTimeField(null=True)
    last_step = models.BigIntegerField(
        default=0, help_text="The 30 seconds, counted from 1970, of the last code that was taken."
    )

    class Meta:
        verbose_name = "second factor of user"

    def __str__(self) -> str:
        return f"second factor of {self.user}"


class RecoveryCode(models.Model):
    """Good once in the place of a code of the app. Kept as a digest: it is random enough to need no salt."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, unique=True)

    def __str__(self) -> str:
        return f"recovery code of {self.user}"


class CompanyIdentity(models.Model):
    """Which person of the company a user is: by a digest of issuer and subject, which may be long."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    digest = models.CharField(max_length=64, unique=True)

    class Meta:
        verbose_name_plural = "company identities"

    def __str__(self) -> str:
        return f"company identity of {self.user}"

    @staticmethod
    def digest_of(issuer: str, subject: str) -> str:
        return sha256(json.dumps([issuer, subject]).encode()).hexdigest()
