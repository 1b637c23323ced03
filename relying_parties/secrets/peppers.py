"""Whether a pepper of SECRET_PEPPERS is the one that the secrets under its id were digested with.

Its check value is stored when a secret is made with it, or matches under it. Until then nothing proves the value, so a
wrong one is never taken for the right one.
"""

import hashlib
import hmac
from contextlib import suppress

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import Error as DatabaseFailure
from django.db.models import QuerySet
from django.db.models.functions import Left
from django.db.models.lookups import Exact
from django.utils.crypto import constant_time_compare

from relying_parties.models import ClientSecret, PepperCheck
from runtime.slots import DATABASE

CHECKED_TEXT = b"m2m-idp: check value of a pepper"
"""Differs from the text of every secret's digest, which begins with a number."""

_noted: set[tuple[str, bytes]] = set()
"""The peppers of this process whose check value is in the database."""


def pepper_problems() -> list[str]:
    """Of the peppers of this process, in words that say what to do. Their values are never shown."""
    stored = PepperCheck.objects.filter(pepper_id__in=settings.SECRET_PEPPERS).values_list(
        "pepper_id", "value"
    )
    return [
        f"SECRET_PEPPERS holds another value under the id {pepper_id!r} than the one that client secrets were made "
        "with: put the former value back under this id, or give the new one an id of its own."
        for pepper_id, value in sorted(stored)
        if not constant_time_compare(value, _value_of(pepper_id)) and _live_secrets(pepper_id).exists()
    ]


def refuse_another_pepper(pepper_id: str) -> None:
    """Raises ValidationError if the secrets under this id were digested with another value."""
    check = PepperCheck.objects.filter(pepper_id=pepper_id).first()
    if check and not constant_time_compare(check.value, _value_of(pepper_id)):
        raise ValidationError(pepper_problems())


def claim_pepper(secret: ClientSecret) -> None:
    """In the transaction that made the secret: from now on its pepper has this value.

    An id that no other live secret names may get another value. Raises ValidationError as `refuse_another_pepper` does.
    """
    pepper_id = secret.snapshot.pepper_id
    value = _value_of(pepper_id)
    check, _ = PepperCheck.objects.get_or_create(pepper_id=pepper_id, defaults={"value": value})
    if constant_time_compare(check.value, value):
        return
    if _live_secrets(pepper_id).exclude(pk=secret.pk).exists():
        refuse_another_pepper(pepper_id)
    check.value = value
    check.save(update_fields=["value"])


def note_match(pepper_id: str) -> None:
    """A secret that matches proves its pepper, so that secrets from before there were check values get one.

    Asks the database once in the life of a process. While that does not answer, the next match tries again.
    """
    pepper = pepper_id, settings.SECRET_PEPPERS[pepper_id]
    if pepper in _noted:
        return
    with suppress(DatabaseFailure), DATABASE.slot():
        PepperCheck.objects.get_or_create(pepper_id=pepper_id, defaults={"value": _value_of(pepper_id)})
        _noted.add(pepper)


def made_with(pepper_id: str) -> Exact:
    """For a filter of secrets. `startswith` would take another case for the same on SQLite."""
    start = f"{pepper_id}:"
    return Exact(Left("digest", len(start)), start)


def _value_of(pepper_id: str) -> str:
    """Of this process's pepper; in hexadecimal digits."""
    return hmac.new(settings.SECRET_PEPPERS[pepper_id], CHECKED_TEXT, hashlib.sha256).hexdigest()


def _live_secrets(pepper_id: str) -> QuerySet[ClientSecret]:
    return ClientSecret.objects.filter(made_with(pepper_id), revoked_at__isnull=True)
