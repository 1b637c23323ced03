"""Moving the private keys at rest to the current key-encryption key; the server may go on serving meanwhile."""

from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from keys.encryption import KeyUnreadableError, decrypt, encrypt
from keys.models import SigningKey


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """By kid: the keys that were moved, and why others could not be moved."""

    moved: tuple[str, ...]
    problems: tuple[str, ...]


def rewrap_keys() -> Rewrapped:
    """Each key in a transaction of its own: keys that were moved stay moved when the run is interrupted."""
    current = next(iter(settings.KEY_ENCRYPTION_KEYS))
    moved, problems = [], []
    held = SigningKey.objects.filter(encrypted_private_key__isnull=False).exclude(kek_id=current)
    for pk in held.values_list("pk", flat=True):
        try:
            moved += _rewrapped(pk, current)
        except KeyUnreadableError as error:
            problems.append(str(error))
    return Rewrapped(moved=tuple(moved), problems=tuple(problems))


def _rewrapped(pk: int, current: str) -> list[str]:
    """The kid, unless another process was first."""
    with transaction.atomic():
        key = SigningKey.objects.select_for_update().get(pk=pk)
        if key.encrypted is None or key.kek_id == current:
            return []
        encrypted = encrypt(decrypt(key.encrypted), identity=key.identity)
        key.encrypted_private_key, key.kek_id = encrypted.ciphertext, encrypted.kek_id
        key.save(update_fields=["encrypted_private_key", "kek_id"])
        return [key.kid]
