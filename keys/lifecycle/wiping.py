"""Wiping private halves that are no longer needed: encrypted here, or in their token."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from keys.encryption import KeyUnreadableError
from keys.jwk import public_key
from keys.models import SigningKey
from keys.pkcs11.objects import destroy_in_token
from keys.pkcs11.uri import Pkcs11Uri

KEPT_AFTER_EXPIRY = timedelta(days=90)
"""How long the private half is kept after the key has left the JWKS; row and public half stay."""


def wipe_expired_private_keys(*, now: datetime) -> list[SigningKey]:
    """Wipe the private halves of keys that expired, or were revoked, long ago; those in a token are destroyed there.

    If a token refuses, KeyUnreadableError is raised after all others are wiped: the next run tries again.
    """
    cutoff = now - KEPT_AFTER_EXPIRY
    held = SigningKey.objects.filter(Q(encrypted_private_key__isnull=False) | ~Q(pkcs11_uri=""))
    gone, problems = [], []
    for key in held.filter(Q(expires_at__lte=cutoff) | Q(expires_at__isnull=True, revoked_at__lte=cutoff)):
        try:
            gone += [key] if _wipe(key) else []
        except KeyUnreadableError as error:
            problems.append(f"The key {key.kid} is to be destroyed. {error}")
    if problems:
        raise KeyUnreadableError(" ".join(problems))
    return gone


def _wipe(key: SigningKey) -> bool:
    """Whether this process wiped it: of many that wipe a key at once, only one does.

    The object in the token goes first, while no row is locked: if the row is not saved, the next run finds it gone.
    """
    if key.pkcs11_uri:
        destroy_in_token(Pkcs11Uri.parse(key.pkcs11_uri), public_key(key.public_jwk))
    with transaction.atomic():
        held = SigningKey.objects.select_for_update(of=("self",)).get(pk=key.pk)
        if held.encrypted_private_key is None and not held.pkcs11_uri:
            return False
        held.encrypted_private_key, held.kek_id, held.pkcs11_uri = None, "", ""
        held.save(update_fields=["encrypted_private_key", "kek_id", "pkcs11_uri"])
    return True
