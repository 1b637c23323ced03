"""Containing an incident: whose credential leaked, what stops it, and what it got meanwhile."""

from dataclasses import dataclass
from datetime import datetime

from audit.credential_name import CredentialKind, CredentialName
from console.incidents.reach import Deeds, StillGood, Whose, reach
from console.tokens.client_status import Disabled, disabled
from relying_parties.models import ClientSecret, FederatedCredential, RelyingParty


@dataclass(frozen=True, slots=True)
class Leaked:
    """The client, and which of its credentials leaked; an empty name: no certain one."""

    relying_party: RelyingParty
    credential: str = ""
    secret: ClientSecret | None = None
    """Set where the credential is a secret."""


@dataclass(frozen=True, slots=True)
class Containment:
    leaked: Leaked
    is_secret_live: bool
    disabled: Disabled | None
    """None while the client is enabled."""
    tokens: StillGood
    deeds: Deeds


def leaked_of(credential: str) -> Leaked | None:
    """By the credential's name in the record; None where it is no present client's."""
    name = CredentialName.parse(credential)
    if name is None:
        return None
    if name.kind is CredentialKind.SECRET:
        secret = ClientSecret.objects.select_related("relying_party__issuer").filter(pk=name.number).first()
        return Leaked(secret.relying_party, str(name), secret) if secret else None
    if name.kind is CredentialKind.FEDERATED:
        credentials = FederatedCredential.objects.select_related("relying_party__issuer")
        found = credentials.filter(pk=name.number).first()
        return Leaked(found.relying_party, str(name)) if found else None
    party = RelyingParty.objects.select_related("issuer").filter(pk=name.number).first()
    return Leaked(party, str(name)) if party else None


def containment(leaked: Leaked, *, since: datetime, now: datetime) -> Containment:
    party, secret = leaked.relying_party, leaked.secret
    whose = Whose(issuer=party.issuer, client_id=party.client_id, credential=leaked.credential)
    tokens, deeds = reach(whose, since=since, now=now)
    return Containment(
        leaked=leaked,
        is_secret_live=secret is not None and secret.is_live(now),
        disabled=None if party.is_active else disabled(party),
        tokens=tokens,
        deeds=deeds,
    )
