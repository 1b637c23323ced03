"""What an operator does with client secrets; admin, file and API share these acts."""

from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.crypto import constant_time_compare

from formats.text import surrogate_problem
from issuers.models import Issuer
from issuers.versioning.history import give_reason
from relying_parties import client_secrets
from relying_parties.models import ClientSecret, RelyingParty
from relying_parties.secrets.peppers import claim_pepper, made_with, refuse_another_pepper

MAX_CHOSEN_SECRET_LENGTH = 1024
PAST = "That instant is past. To end a secret now, revoke it."


def add_generated_secret(
    *, relying_party: RelyingParty, label: str = "", expires_at: datetime | None = None
) -> tuple[ClientSecret, str]:
    """Make a secret. The text is returned here and nowhere else, ever.

    Without `expires_at` it lives as long as the issuer allows. Raises ValidationError if it would live longer.
    """
    text = client_secrets.generate()
    secret = _new(relying_party=relying_party, label=label, text=text, expires_at=expires_at)
    secret.hint = text[-client_secrets.HINT_LENGTH :]
    _save(secret)
    return secret, text


def add_chosen_secret(
    *, relying_party: RelyingParty, text: str, label: str = "", expires_at: datetime | None = None
) -> ClientSecret:
    """Register a secret that a person chose; `expires_at` as for a generated one.

    Raises ValidationError if it is empty, too long or registered already.
    """
    if not text or len(text) > MAX_CHOSEN_SECRET_LENGTH:
        raise ValidationError(f"A secret has 1 to {MAX_CHOSEN_SECRET_LENGTH} characters.")
    if problem := surrogate_problem(text, of="The secret"):
        raise ValidationError(problem)
    secret = _new(relying_party=relying_party, label=label, text=text, expires_at=expires_at)
    secret.chosen = True
    _save(secret)
    return secret


def revoke_secret(secret: ClientSecret, *, now: datetime) -> None:
    """Revoke a secret now. A revoked secret stays revoked."""
    if secret.revoked_at is None:
        secret.revoked_at = now
        secret.save(update_fields=["revoked_at"])


def change_expiry(secret: ClientSecret, *, expires_at: datetime | None, now: datetime) -> None:
    """Move the expiry of a live secret; None: as late as its issuer allows, else never. Raises ValidationError.

    If it is older than its issuer allows, its expiry can only be moved to an earlier time.
    """
    _require_live(secret, now=now)
    latest = secret.latest_end
    is_too_old = latest is not None and latest <= now
    if is_too_old and (expires_at is None or (secret.expires_at or expires_at) < expires_at):
        raise ValidationError("The secret is older already than its issuer allows. Rotate it.")
    if expires_at is not None and expires_at <= now:
        raise ValidationError(PAST)
    secret.expires_at = expires_at or latest
    if not is_too_old:
        secret.full_clean()
    secret.save(update_fields=["expires_at"])


def rotate_secret(
    secret: ClientSecret,
    *,
    ends_at: datetime,
    now: datetime,
    label: str = "",
    expires_at: datetime | None = None,
    reason: str = "",
) -> tuple[ClientSecret, str]:
    """Make a secret as `add_generated_secret` does, and let the old one live until `ends_at`: both or neither.

    Raises ValidationError unless the old one is live and `ends_at` is in the future, and not after its present expiry.
    """
    with transaction.atomic():
        # Locked, so that of two rotations at once the second sees the result of the first.
        RelyingParty.objects.select_for_update().get(pk=secret.relying_party_id)
        old = ClientSecret.objects.select_related("relying_party__issuer").get(pk=secret.pk)
        _require_live(old, now=now)
        if ends_at <= now:
            raise ValidationError(PAST)
        if old.expires_at is not None and ends_at > old.expires_at:
            raise ValidationError(
                f"The old secret ends at {old.expires_at:%Y-%m-%d %H:%M:%S} UTC: choose that or earlier."
            )
        old.expires_at = ends_at
        give_reason(old, reason)
        old.save(update_fields=["expires_at"])
        return add_generated_secret(relying_party=old.relying_party, label=label, expires_at=expires_at)


def _require_live(secret: ClientSecret, *, now: datetime) -> None:
    if not secret.is_live(now):
        raise ValidationError("The secret is expired or revoked and stays so. Generate a new one.")


def too_old_at_their_end(issuer: Issuer, *, now: datetime) -> QuerySet[ClientSecret]:
    """The live secrets that were made before the issuer lowered the maximum age, and live longer than it allows."""
    secrets = ClientSecret.objects.filter(relying_party__issuer=issuer, revoked_at__isnull=True)
    if issuer.max_client_secret_age is None:
        return secrets.none()
    latest = F("created_at") + timedelta(seconds=issuer.max_client_secret_age)
    too_late = Q(expires_at__isnull=True) | Q(expires_at__gt=now) & Q(expires_at__gt=latest)
    return secrets.filter(too_late).select_related("relying_party__issuer")


def is_text_of(text: str, secret: ClientSecret) -> bool:
    """Whether this is the text of the secret, live or not; False where its pepper is gone.

    Raises ValidationError where its pepper has another value than when the secret was made.
    """
    pepper_id = secret.snapshot.pepper_id
    if pepper_id not in settings.SECRET_PEPPERS:
        return False
    relying_party = secret.relying_party
    digest = client_secrets.digest_of(
        text, issuer_id=relying_party.issuer_id, client_id=relying_party.client_id, pepper_id=pepper_id
    )
    if constant_time_compare(digest, secret.digest):
        return True
    refuse_another_pepper(pepper_id)
    return False


def _new(*, relying_party: RelyingParty, label: str, text: str, expires_at: datetime | None) -> ClientSecret:
    digest = client_secrets.digest_of(
        text, issuer_id=relying_party.issuer_id, client_id=relying_party.client_id
    )
    secret = ClientSecret(relying_party=relying_party, label=label, digest=digest, expires_at=expires_at)
    if expires_at is None:
        secret.expires_at = secret.latest_end
    return secret


def _save(secret: ClientSecret) -> None:
    """Raises ValidationError, also where its pepper has another value than when the secrets under its id were made."""
    with transaction.atomic():
        secret.save_checked()
        claim_pepper(secret)


def secrets_without_pepper(pepper_ids: set[str]) -> list[str]:
    """The live secrets whose pepper is not among these, by name: they can never match without it."""
    lost = ClientSecret.objects.filter(revoked_at__isnull=True).select_related("relying_party")
    for pepper_id in pepper_ids:
        lost = lost.exclude(made_with(pepper_id))
    return [f"{secret} of {secret.relying_party} (pepper {secret.snapshot.pepper_id})" for secret in lost]
