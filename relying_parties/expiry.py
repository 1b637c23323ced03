"""What proves relying parties and expires soon, and the relying parties themselves."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from django.db.models import Exists, OuterRef, Q, QuerySet

from formats.thumbprints import base64url
from issuers.client_authorities import client_authorities
from issuers.expiry import HORIZON, Expiry, Kind, step_of
from issuers.models import Issuer, TokenEndpointAuthMethod
from relying_parties.jwks.client_keys import VerificationKey, registered_keys
from relying_parties.models import ClientSecret, RelyingParty
from relying_parties.validation.registration import KINDS_OF_KEYS


def expiries(now: datetime) -> list[Expiry]:
    """Of active relying parties of active issuers, without what has expired already."""
    return [*_secrets(now), *_relying_parties(now), *_client_keys(now), *_client_authorities(now)]


def _in_use(now: datetime) -> QuerySet[RelyingParty]:
    in_time = Q(valid_until__isnull=True) | Q(valid_until__gt=now)
    return RelyingParty.objects.filter(in_time, is_active=True, issuer__is_active=True)


def _secrets(now: datetime) -> Iterator[Expiry]:
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
    rows = rows.only(
        "label",
        "expires_at",
        "relying_party__client_id",
        "relying_party__issuer__name",
        "relying_party__issuer__path",
    )
    for secret in rows:
        if secret.expires_at and (days := step_of(secret.expires_at, now=now)):
            yield Expiry(
                kind=Kind.CLIENT_SECRET,
                id=secret.pk,
                name=f"{secret} of {secret.relying_party.client_id}",
                issuer=str(secret.relying_party.issuer),
                page_id=secret.relying_party_id,
                at=secret.expires_at,
                days=days,
                is_replaced=secret.is_replaced,
            )


def _relying_parties(now: datetime) -> Iterator[Expiry]:
    ending = _in_use(now).filter(valid_until__lte=now + HORIZON).select_related("issuer")
    for relying_party in ending:
        if relying_party.valid_until and (days := step_of(relying_party.valid_until, now=now)):
            yield Expiry(
                kind=Kind.RELYING_PARTY,
                id=relying_party.pk,
                name=relying_party.client_id,
                issuer=str(relying_party.issuer),
                page_id=relying_party.pk,
                at=relying_party.valid_until,
                days=days,
            )


def _client_keys(now: datetime) -> Iterator[Expiry]:
    """Keys that are registered here and that the method uses; fetched keys are renewed at their source."""
    registered = _in_use(now).filter(token_endpoint_auth_method__in=KINDS_OF_KEYS, client_jwks__isnull=False)
    for relying_party in registered.select_related("issuer"):
        keys = registered_keys(relying_party.client_jwks)
        kind = KINDS_OF_KEYS[relying_party.token_endpoint_auth_method]
        taken = [key for key in keys if kind == Kind.CLIENT_KEY or key.certificates]
        for key in taken:
            if key.expires_at and (days := step_of(key.expires_at, now=now)):
                yield Expiry(
                    kind=kind,
                    id=relying_party.pk,
                    name=f"{key.kid} of {relying_party.client_id}",
                    issuer=str(relying_party.issuer),
                    page_id=relying_party.pk,
                    at=key.expires_at,
                    days=days,
                    is_replaced=_outlived(key.expires_at, taken),
                    thumbprint=key.x5t_s256 if kind == Kind.CLIENT_CERTIFICATE else key.thumbprint,
                )


def _outlived(at: datetime, keys: Iterable[VerificationKey]) -> bool:
    return any(key.expires_at is None or key.expires_at > at for key in keys)


def _client_authorities(now: datetime) -> Iterator[Expiry]:
    """Of the issuers that accept tls_client_auth."""
    for issuer in Issuer.objects.filter(is_active=True).exclude(client_ca_certificates=""):
        if TokenEndpointAuthMethod.TLS_CLIENT_AUTH not in issuer.token_endpoint_auth_methods:
            continue
        authorities = client_authorities(issuer.client_ca_certificates)
        for authority in authorities:
            at = authority.not_valid_after_utc
            if days := step_of(at, now=now):
                yield Expiry(
                    kind=Kind.CLIENT_CA_CERTIFICATE,
                    id=issuer.pk,
                    name=authority.subject.rfc4514_string(),
                    issuer=str(issuer),
                    page_id=issuer.pk,
                    at=at,
                    days=days,
                    is_replaced=any(_renews(other, authority) for other in authorities),
                    thumbprint=base64url(authority.fingerprint(SHA256())),
                )


def _renews(other: x509.Certificate, old: x509.Certificate) -> bool:
    """Whether it certifies what the old one does, and for longer: it has the same name and key."""
    return (
        other.subject == old.subject
        and other.public_key() == old.public_key()
        and other.not_valid_after_utc > old.not_valid_after_utc
    )
