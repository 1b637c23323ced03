"""The certificates of signing keys that expire soon, and those that cannot be read."""

from datetime import datetime

from django.db.models import Q

from formats.certificates import CertificateUnreadableError
from issuers.expiry import Expiry, Kind, step_of
from issuers.models import Issuer
from keys.importing.certificates import certificates_of
from keys.models import SigningKey


def expiries(now: datetime) -> list[Expiry]:
    """Of the keys of active issuers that sign now or later; a chain expires with the first of its certificates."""
    found = [_expiry(key, issuer, now) for key, issuer in _signing(now)]
    return [expiry for expiry in found if expiry is not None]


def unreadable_chains(now: datetime) -> list[SigningKey]:
    """Of the same keys. Such a chain was stored past the checks, and the JWKS has the key without the chain."""
    return [key for key, _ in _signing(now) if _first_end(key) is None]


def _signing(now: datetime) -> list[tuple[SigningKey, Issuer]]:
    signing = Q(retires_at__isnull=True) | Q(retires_at__gt=now)
    keys = SigningKey.objects.filter(signing, revoked_at__isnull=True, issuer__is_active=True)
    return [(key, key.issuer) for key in keys.select_related("issuer") if key.issuer]


def _first_end(key: SigningKey) -> datetime | None:
    """None where the chain cannot be read."""
    try:
        return min(certificate.not_valid_after_utc for certificate in certificates_of(key))
    except CertificateUnreadableError:
        return None


def _expiry(key: SigningKey, issuer: Issuer, now: datetime) -> Expiry | None:
    at = _first_end(key)
    days = step_of(at, now=now) if at else None
    if at is None or days is None:
        return None
    return Expiry(
        kind=Kind.SIGNING_CERTIFICATE,
        id=key.pk,
        name=f"of key {key.kid}",
        issuer=str(issuer),
        page_id=key.pk,
        at=at,
        days=days,
        is_replaced=key.retires_at is not None and key.retires_at <= at,
    )
