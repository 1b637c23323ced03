"""A credential in words, by the name under which the record has it: also one that is gone, from the history."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit.credential_name import CredentialKind, CredentialName
from console.admin_base.credential_labels import credential_labels
from console.credentials.registration import Made, first_registered, made_from, registered_key
from console.tokens.client_status import status_of
from issuers.models import TokenEndpointAuthMethod
from relying_parties.models import ClientSecret, FederatedCredential, RelyingParty

LIVE, ENDED, REVOKED, DELETED = "live", "ended", "revoked", "deleted"
KINDS: Mapping[CredentialKind, str] = {
    CredentialKind.SECRET: "Client secret",
    CredentialKind.FEDERATED: "Workload of a trusted issuer",
    CredentialKind.KEY: "Key of the client",
    CredentialKind.CERTIFICATE: "TLS client certificate",
}


@dataclass(frozen=True, slots=True)
class Described:
    """`client_id` and `issuer` (a URL) are those of a deleted client, too. `made` is None where nothing says it."""

    name: str
    label: str
    kind: str
    state: str
    client: RelyingParty | None
    client_id: str
    issuer: str
    made: Made | None
    ends_at: datetime | None
    facts: tuple[tuple[str, str], ...] = ()
    of_no_use: str = ""
    """Why it gets no token though it is live."""


def described(name: CredentialName, *, now: datetime) -> Described | None:
    """None for a credential of which configuration and history know nothing."""
    describe = {CredentialKind.SECRET: _secret, CredentialKind.FEDERATED: _federated}.get(name.kind, _key)
    return describe(name, now)


def _secret(name: CredentialName, now: datetime) -> Described | None:
    history = ClientSecret.history.filter(id=name.number)
    row = ClientSecret.objects.filter(pk=name.number).first()
    last: Any = row or history.order_by("-history_id").first()
    if last is None:
        return None
    revoked = history.filter(revoked_at__isnull=False).order_by("history_id").first()
    facts = [("Ends with", f"…{last.hint}")] if last.hint else []
    if last.chosen:
        facts.append(("Chosen", "by a person: replace it with a generated one"))
    if revoked:
        facts.append(("Revoked", str(made_from(revoked))))
    state = _state_of_secret(row, now)
    made = history.filter(history_type="+").first()
    return _of_client(name, last.relying_party_id, state=state, made=made and made_from(made),
                      ends_at=last.revoked_at or last.expires_at, facts=facts)  # fmt: skip


def _state_of_secret(secret: ClientSecret | None, now: datetime) -> str:
    if secret is None:
        return DELETED
    if secret.revoked_at is not None:
        return REVOKED
    return LIVE if secret.is_live(now) else ENDED


def _federated(name: CredentialName, now: datetime) -> Described | None:
    history = FederatedCredential.history.filter(id=name.number)
    row = FederatedCredential.objects.select_related("trusted_issuer").filter(pk=name.number).first()
    last: Any = row or history.order_by("-history_id").first()
    if last is None:
        return None
    facts = [("Subject", last.subject), *((claim, str(value)) for claim, value in last.claims.items())]
    if row:
        facts.insert(0, ("Trusted issuer", f"{row.trusted_issuer} ({row.trusted_issuer.issuer_url})"))
    made = history.filter(history_type="+").first()
    return _of_client(name, last.relying_party_id, state=_state_of_federated(row),
                      made=made and made_from(made), facts=facts)  # fmt: skip


def _state_of_federated(credential: FederatedCredential | None) -> str:
    if credential is None:
        return DELETED
    return LIVE if credential.trusted_issuer.is_active else "trusted issuer disabled"


def _key(name: CredentialName, now: datetime) -> Described | None:
    client = RelyingParty.objects.filter(pk=name.number).first()
    key = registered_key(client.client_jwks, name) if client else None
    facts = [("Thumbprint (SHA-256)", name.thumbprint)]
    if key:
        facts.append(("Key ID (kid)", key.kid))
    ends_at = key.expires_at if key else None
    state = _state_of_key(client, is_registered=bool(key), has_ended=bool(ends_at and ends_at <= now))
    return _of_client(
        name, name.number, state=state, made=first_registered(name), ends_at=ends_at, facts=facts
    )


def _state_of_key(client: RelyingParty | None, *, is_registered: bool, has_ended: bool) -> str:
    if client is None:
        return DELETED
    if is_registered:
        return ENDED if has_ended else LIVE
    if client.client_jwks_uri:
        return "published by the client, not kept here"
    if client.token_endpoint_auth_method == TokenEndpointAuthMethod.TLS_CLIENT_AUTH:
        return "issued by a client CA, not kept here"
    return "not registered any more"


def _of_client(
    name: CredentialName,
    client_pk: int,
    *,
    state: str,
    made: Made | None,
    ends_at: datetime | None = None,
    facts: list[tuple[str, str]],
) -> Described | None:
    """None if there never was such a client."""
    client = RelyingParty.objects.select_related("issuer", "claim_template").filter(pk=client_pk).first()
    last: Any = client or RelyingParty.history.filter(id=client_pk).order_by("-history_id").first()
    if last is None:
        return None
    status = status_of(client) if client and state == LIVE else None
    return Described(
        name=str(name),
        label=credential_labels([str(name)])[str(name)],
        kind=KINDS[name.kind],
        state=state,
        client=client,
        client_id=last.client_id,
        issuer=last.issuer.url,
        made=made,
        ends_at=ends_at,
        facts=tuple(facts),
        of_no_use=status.reason if status else "",
    )
