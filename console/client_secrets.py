"""A relying party's secrets as its page shows them, and the command with which the service asks for a token."""

import shlex
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote_plus

from django.db.models import Max
from django.utils import timezone

from issuers.models import TokenEndpointAuthMethod
from relying_parties.models import AccessGrant, ClientSecret, CredentialUse, RelyingParty

PLACEHOLDER = '"$CLIENT_SECRET"'


@dataclass(frozen=True, slots=True)
class SecretLine:
    secret: ClientSecret
    state: str
    is_live: bool
    last_used_at: datetime | None
    is_never_used: bool
    """False too while the record has not been read as far as to tell."""


def secret_lines(relying_party: RelyingParty) -> list[SecretLine]:
    """The newest first."""
    secrets = relying_party.secrets.order_by("-created_at", "-pk")
    return _lines(list(secrets), now=timezone.now())


def line_of(secret: ClientSecret, *, now: datetime) -> SecretLine:
    (line,) = _lines([secret], now=now)
    return line


def _lines(secrets: list[ClientSecret], *, now: datetime) -> list[SecretLine]:
    uses = CredentialUse.objects.filter(credential__in=[f"secret:{secret.pk}" for secret in secrets])
    last_used = {use.credential: use.last_used_at for use in uses}
    newest_use = CredentialUse.objects.aggregate(newest=Max("last_used_at"))["newest"]
    return [_line(secret, last_used.get(f"secret:{secret.pk}"), newest_use, now=now) for secret in secrets]


def _line(
    secret: ClientSecret, last_used_at: datetime | None, newest_use: datetime | None, *, now: datetime
) -> SecretLine:
    """The record was read at least as far as the newest use of whichever credential."""
    is_read = newest_use is not None and newest_use > secret.created_at
    return SecretLine(
        secret=secret,
        state=_state(secret, now),
        is_live=secret.is_live(now),
        last_used_at=last_used_at,
        is_never_used=last_used_at is None and is_read,
    )


def _state(secret: ClientSecret, now: datetime) -> str:
    if secret.revoked_at is not None:
        return "revoked"
    return "live" if secret.is_live(now) else "expired"


def curl_command(relying_party: RelyingParty) -> str:
    """A command for a shell in which CLIENT_SECRET holds the secret."""
    client_id = relying_party.client_id
    if relying_party.token_endpoint_auth_method == TokenEndpointAuthMethod.CLIENT_SECRET_BASIC:
        # RFC 6749 section 2.3.1: form-encoded before base64. A generated secret stays as it is.
        proof = [f"-u {shlex.quote(quote_plus(client_id))}:{PLACEHOLDER}"]
    else:
        proof = [
            f"--data-urlencode {shlex.quote(f'client_id={client_id}')}",
            f"--data-urlencode client_secret={PLACEHOLDER}",
        ]
    parts = [
        f"curl {shlex.quote(f'{relying_party.issuer.url}/token')}",
        *proof,
        "-d grant_type=client_credentials",
    ]
    return " \\\n  ".join(parts + _parameters(relying_party) + _resource(relying_party))


def _parameters(relying_party: RelyingParty) -> list[str]:
    """The parameters that its rules read, each to be filled in."""
    names = sorted(set(relying_party.rules.values_list("parameter", flat=True)) - {"client_id", "grant_type"})
    return [f"--data-urlencode {shlex.quote(f'{name}={name.upper()}')}" for name in names]


def _resource(relying_party: RelyingParty) -> list[str]:
    """The parameter that a relying party without a default needs, if it has a grant at all."""
    grants = AccessGrant.objects.filter(relying_party=relying_party).select_related("resource_server")
    first = grants.first()
    template = relying_party.claim_template
    if first is None or grants.filter(is_default=True).exists() or (template and "aud" in template.claims):
        return []
    return [f"--data-urlencode {shlex.quote(f'resource={first.resource_server.identifier}')}"]
