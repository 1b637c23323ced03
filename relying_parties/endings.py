"""The client secrets and relying parties that end soon."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from issuers.endings import HORIZON, Ending, Kind, step_of
from relying_parties.models import ClientSecret, RelyingParty


def endings(now: datetime) -> list[Ending]:
    """Of active relying parties of active issuers; what has ended already is none of them."""
    return [*_secrets(now), *_relying_parties(now)]


def _in_use(now: datetime) -> QuerySet[RelyingParty]:
    in_time = Q(valid_until__isnull=True) | Q(valid_until__gt=now)
    return RelyingParty.objects.filter(in_time, is_active=True, issuer__is_active=True)


def _secrets(now: datetime) -> Iterator[Ending]:
    younger = ClientSecret.objects.filter(
        Q(expires_at__isnull=True) | Q(expires_at__gt=OuterRef("expires_at")),
        relying_party=OuterRef("relying_party"),
        revoked_at__isnull=True,
        created_at__gt=OuterRef("created_at"),
    )
    ending = ClientSecret.objects.filter(
        relying_party__in=_in_use(now),
        revoked_at__isnull=True,
        expires_at__gt=now,
        expires_at__lte=now + HORIZON,
    )
    rows = ending.annotate(is_replaced=Exists(younger)).select_related("relying_party__issuer")
    for secret in rows:
        if secret.expires_at and (days := step_of(secret.expires_at, now=now)):
            yield Ending(
                kind=Kind.CLIENT_SECRET,
                id=secret.pk,
                name=f"{secret} of {secret.relying_party.client_id}",
                issuer=str(secret.relying_party.issuer),
                page_id=secret.relying_party_id,
                at=secret.expires_at,
                days=days,
                is_replaced=secret.is_replaced,
            )


def _relying_parties(now: datetime) -> Iterator[Ending]:
    ending = _in_use(now).filter(valid_until__lte=now + HORIZON).select_related("issuer")
    for relying_party in ending:
        if relying_party.valid_until and (days := step_of(relying_party.valid_until, now=now)):
            yield Ending(
                kind=Kind.RELYING_PARTY,
                id=relying_party.pk,
                name=relying_party.client_id,
                issuer=str(relying_party.issuer),
                page_id=relying_party.pk,
                at=relying_party.valid_until,
                days=days,
            )
