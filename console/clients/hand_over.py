"""The sheet that an operator hands to those who run a client: all that they need, but for the secret."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from console.auth_methods import in_words
from console.clients.ask_programs import Program, environment_of, programs_for
from console.clients.curl_command import curl_command, what_it_needs
from issuers.models import SECRET_METHODS
from relying_parties.models import AccessGrant, RelyingParty

EARLIER = 60
"""Seconds before its end at which a token is replaced."""


@dataclass(frozen=True, slots=True)
class SecretEnd:
    """`ends_at` is None for a secret that lives until it is revoked."""

    label: str
    hint: str
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """`lifetime` is in seconds."""

    client: RelyingParty
    token_url: str
    method: str
    grants: tuple[AccessGrant, ...]
    lifetime: int
    secrets: tuple[SecretEnd, ...]
    command: str
    needs: tuple[str, ...]
    environment: str
    programs: tuple[Program, ...]
    earlier: int = EARLIER

    @property
    def title(self) -> str:
        return f"Hand-over: {self.client}"

    @property
    def default(self) -> AccessGrant | None:
        return next((grant for grant in self.grants if grant.is_default), None)


def sheet_of(row: RelyingParty) -> Sheet:
    method = row.token_endpoint_auth_method
    return Sheet(
        client=row,
        token_url=f"{row.issuer.url}/token",
        method=f"{method}: {in_words(method).about}",
        grants=tuple(row.grants.select_related("resource_server").order_by("-is_default", "pk")),
        lifetime=row.access_token_ttl or row.issuer.default_access_token_ttl,
        secrets=tuple(_secret_ends(row)) if method in SECRET_METHODS else (),
        command=curl_command(row),
        needs=tuple(what_it_needs(row)),
        environment=environment_of(row),
        programs=programs_for(row),
    )


def _secret_ends(row: RelyingParty) -> list[SecretEnd]:
    """Of the live ones, the newest first."""
    now = timezone.now()
    newest = row.secrets.filter(revoked_at__isnull=True).order_by("-created_at", "-pk")
    return [
        SecretEnd(label=str(secret), hint=secret.hint, ends_at=secret.expires_at)
        for secret in newest
        if secret.is_live(now)
    ]
