"""Moving what is encrypted at rest to the current key-encryption key; the server may go on serving meanwhile."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from django.apps import apps
from django.conf import settings
from django.db import transaction

from keys.encrypted_secret import EncryptedSecret
from keys.encryption import KeyUnreadableError, decrypt, encrypt
from keys.models import SigningKey


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """The keys, by kid, and other secrets that were moved, and why others could not be moved."""

    moved: tuple[str, ...]
    problems: tuple[str, ...]


def rewrap_keys() -> Rewrapped:
    """Each in a transaction of its own: what was moved stays moved when the run is interrupted."""
    current = next(iter(settings.KEY_ENCRYPTION_KEYS))
    moved, problems = [], []
    for move in (*_keys_to_move(current), *_secrets_to_move(current)):
        try:
            moved += move()
        except KeyUnreadableError as error:
            problems.append(str(error))
    return Rewrapped(moved=tuple(moved), problems=tuple(problems))


Move = Callable[[], list[str]]
"""Names what it moved: nothing if another process was first."""


def _keys_to_move(current: str) -> Iterator[Move]:
    held = SigningKey.objects.filter(encrypted_private_key__isnull=False).exclude(kek_id=current)
    for pk in held.values_list("pk", flat=True):
        yield partial(_rewrapped, pk, current)


def _rewrapped(pk: int, current: str) -> list[str]:
    with transaction.atomic():
        key = SigningKey.objects.select_for_update().get(pk=pk)
        if key.encrypted is None or key.kek_id == current:
            return []
        encrypted = encrypt(decrypt(key.encrypted), identity=key.identity)
        key.encrypted_private_key, key.kek_id = encrypted.ciphertext, encrypted.kek_id
        key.save(update_fields=["encrypted_private_key", "kek_id"])
        return [key.kid]


def _secrets_to_move(current: str) -> Iterator[Move]:
    for table in apps.get_models():
        if issubclass(table, EncryptedSecret):
            for pk in table._default_manager.exclude(kek_id=current).values_list("pk", flat=True):
                yield partial(_secret_moved, table, pk, current)


def _secret_moved(table: type[EncryptedSecret], pk: int, current: str) -> list[str]:
    with transaction.atomic():
        row = table._default_manager.select_for_update().filter(pk=pk).exclude(kek_id=current).first()
        if row is None:
            return []
        row.hide(row.secret())
        row.save(update_fields=["kek_id", "ciphertext"])
        return [row.identity]
