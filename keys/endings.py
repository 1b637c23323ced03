"""The certificates of signing keys that end soon."""

from datetime import datetime

from django.db.models import Q

from issuers.endings import Ending, Kind, step_of
from issuers.models import Issuer
from keys.certificates import certificates_of
from keys.models import SigningKey


def endings(now: datetime) -> list[Ending]:
    """Of the keys of active issuers that sign or will; a chain ends with the first of its certificates."""
    signing = Q(retires_at__isnull=True) | Q(retires_at__gt=now)
    keys = SigningKey.objects.filter(signing, revoked_at__isnull=True, issuer__is_active=True)
    found = [_ending(key, key.issuer, now) for key in keys.select_related("issuer") if key.issuer]
    return [ending for ending in found if ending is not None]


def _ending(key: SigningKey, issuer: Issuer, now: datetime) -> Ending | None:
    at = min(certificate.not_valid_after_utc for certificate in certificates_of(key))
    days = step_of(at, now=now)
    if days is None:
        return None
    return Ending(
        kind=Kind.SIGNING_CERTIFICATE,
        id=key.pk,
        name=f"of key {key.kid}",
        issuer=str(issuer),
        page_id=key.pk,
        at=at,
        days=days,
        is_replaced=key.retires_at is not None and key.retires_at <= at,
    )
