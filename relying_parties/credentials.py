"""What an operator does with client secrets; admin, file and API share these acts."""

import unicodedata
from datetime import datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.crypto import constant_time_compare

from relying_parties import client_secrets
from relying_parties.models import ClientSecret, RelyingParty

LONGEST_CHOSEN_SECRET = 1024


def add_generated_secret(
    *, relying_party: RelyingParty, label: str = "", expires_at: datetime | None = None
) -> tuple[ClientSecret, str]:
    """Make a secret. The text is returned here and nowhere else, ever."""
    text = client_secrets.generate()
    secret = _new(relying_party=relying_party, label=label, text=text, expires_at=expires_at)
    secret.hint = text[-client_secrets.HINT_LENGTH :]
    secret.checked().save()
    return secret, text


def add_chosen_secret(
    *, relying_party: RelyingParty, text: str, label: str = "", expires_at: datetime | None = None
) -> ClientSecret:
    """Register a secret that a person chose. Raises ValidationError if it is empty, too long or already there."""
    if not text or len(text) > LONGEST_CHOSEN_SECRET:
        raise ValidationError(f"A secret has 1 to {LONGEST_CHOSEN_SECRET} characters.")
    if any(unicodedata.category(character) == "Cs" for character in text):
        raise ValidationError("A secret cannot hold a lone surrogate, which is no character.")
    secret = _new(relying_party=relying_party, label=label, text=text, expires_at=expires_at)
    secret.chosen = True
    secret.checked().save()
    return secret


def revoke_secret(secret: ClientSecret, *, now: datetime) -> None:
    """End a secret now. A revoked secret stays revoked."""
    if secret.revoked_at is None:
        secret.revoked_at = now
        secret.save(update_fields=["revoked_at"])


def change_expiry(secret: ClientSecret, *, expires_at: datetime | None, now: datetime) -> None:
    """Move the end of a live secret; None: it lives until it is revoked. Raises ValidationError for any other."""
    if not secret.is_live(now):
        raise ValidationError("The secret is expired or revoked and stays so. Generate a new one.")
    if expires_at is not None and expires_at <= now:
        raise ValidationError("That instant is past. To end a secret now, revoke it.")
    secret.expires_at = expires_at
    secret.save(update_fields=["expires_at"])


def is_text_of(text: str, secret: ClientSecret) -> bool:
    """Whether this is the text of the secret, live or not; False where its pepper is gone."""
    pepper_id = secret.snapshot.pepper_id
    if pepper_id not in settings.SECRET_PEPPERS:
        return False
    relying_party = secret.relying_party
    digest = client_secrets.digest_of(
        text, issuer_id=relying_party.issuer_id, client_id=relying_party.client_id, pepper_id=pepper_id
    )
    return constant_time_compare(digest, secret.digest)


def _new(*, relying_party: RelyingParty, label: str, text: str, expires_at: datetime | None) -> ClientSecret:
    digest = client_secrets.digest_of(
        text, issuer_id=relying_party.issuer_id, client_id=relying_party.client_id
    )
    return ClientSecret(relying_party=relying_party, label=label, digest=digest, expires_at=expires_at)


def secrets_without_pepper(pepper_ids: set[str]) -> list[str]:
    """The live secrets whose pepper is not among these, by name: without it they can never match."""
    live = ClientSecret.objects.filter(revoked_at__isnull=True).select_related("relying_party")
    return [
        f"{secret} of {secret.relying_party} (pepper {secret.snapshot.pepper_id})"
        for secret in live
        if secret.snapshot.pepper_id not in pepper_ids
    ]
