"""A relying party's secrets as its page shows them."""

from dataclasses import dataclass, replace
from datetime import datetime

from django.utils import timezone

from audit.credential_name import CredentialKind, CredentialName
from console.admin_base.last_uses import LastUse, last_uses
from issuance.outlook.client_status import ClientStatus
from relying_parties.models import ClientSecret, RelyingParty


@dataclass(frozen=True, slots=True)
class SecretLine:
    secret: ClientSecret
    state: str
    is_live: bool
    use: LastUse
    of_no_use: str = ""
    """Why the secret gets no token though it is live; empty if it does."""

    @property
    def name(self) -> str:
        """By which the record knows it."""
        return _name(self.secret)


def secret_lines(relying_party: RelyingParty, *, status: ClientStatus) -> list[SecretLine]:
    """The newest first."""
    secrets = relying_party.secrets.order_by("-created_at", "-pk")
    lines = _lines(list(secrets), now=timezone.now())
    return [replace(line, of_no_use=status.reason) if line.is_live else line for line in lines]


def line_of(secret: ClientSecret, *, now: datetime) -> SecretLine:
    (line,) = _lines([secret], now=now)
    return line


def _lines(secrets: list[ClientSecret], *, now: datetime) -> list[SecretLine]:
    names = {secret: _name(secret) for secret in secrets}
    uses = last_uses({name: secret.created_at for secret, name in names.items()})
    return [
        SecretLine(
            secret=secret,
            state=_state(secret, now),
            is_live=secret.is_live(now),
            use=uses[names[secret]],
        )
        for secret in secrets
    ]


def _name(secret: ClientSecret) -> str:
    return str(CredentialName(CredentialKind.SECRET, secret.pk))


def _state(secret: ClientSecret, now: datetime) -> str:
    if secret.revoked_at is not None:
        return "revoked"
    return "live" if secret.is_live(now) else "expired"
