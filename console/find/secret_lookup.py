"""Whose secret a text is. Each look-up is recorded, without the text, and a user has so many a minute: no guessing."""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest
from django.urls import reverse

from audit.credential_name import CredentialKind, CredentialName
from audit.models import OperationalEvent
from audit.writing.operational_events import record_act
from console.credentials.described import Described, described
from console.find.hits import Hit
from console.site.permissions import SEES_CONFIGURATION, SEES_RECORD
from relying_parties.models import ClientSecret
from relying_parties.secrets.lookup import secrets_with_text
from runtime.rate_limit.windows import Window

MAY_LOOK_UP = (SEES_RECORD, *SEES_CONFIGURATION)
MAX_PER_MINUTE = 20
LOOKUPS = Window("secret-lookups", seconds=60)


@dataclass(frozen=True, slots=True)
class Lookup:
    """`wait`: seconds until the next one is allowed; then nothing was looked up."""

    hits: tuple[Hit, ...] = ()
    wait: int = 0


def looked_up(request: HttpRequest, text: str, *, now: datetime) -> Lookup:
    """For a user of MAY_LOOK_UP. Raises what the database raises: a look-up that is not recorded finds nothing."""
    if wait := LOOKUPS.take(request.user.get_username(), limit=MAX_PER_MINUTE):
        return Lookup(wait=wait)
    found = [credential for secret in secrets_with_text(text) if (credential := _described(secret, now))]
    record_act(
        OperationalEvent.Kind.SECRET_LOOKED_UP,
        now=now,
        address=request.META["REMOTE_ADDR"],
        target=" ".join(credential.name for credential in found),
        detail="; ".join(map(_written, found)) or "It is no secret of a client.",
    )
    return Lookup(hits=tuple(_hit(credential) for credential in found))


def _described(secret: ClientSecret, now: datetime) -> Described | None:
    return described(CredentialName(CredentialKind.SECRET, secret.pk), now=now)


def _written(credential: Described) -> str:
    return f"{credential.label} of {credential.client_id} at {credential.issuer}, {credential.state}"


def _hit(credential: Described) -> Hit:
    page = reverse("admin:credential", args=[credential.name])
    return Hit(
        text=f"{credential.label[:1].upper()}{credential.label[1:]} of {credential.client_id}, {credential.state}",
        detail=f"at {credential.issuer}",
        url=page,
    )
