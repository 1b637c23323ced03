"""The configuration that an event was made with: each object as it is now, and as it was then, from its history."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Model

from audit.credential_name import CredentialName
from audit.models import IssuanceEvent
from issuers.models import Issuer
from keys.models import SigningKey
from relying_parties.models import (
    ClaimTemplate,
    ClientSecret,
    FederatedCredential,
    RelyingParty,
    ResourceServer,
)

KINDS: Mapping[str, type[Model]] = {
    "issuer": Issuer,
    "relying_party": RelyingParty,
    "secret": ClientSecret,
    "federated": FederatedCredential,
    "claim_template": ClaimTemplate,
    "resource_server": ResourceServer,
    "signing_key": SigningKey,
}
PAGES = frozenset({"issuer", "relying_party", "claim_template", "resource_server", "signing_key"})
"""Kinds that have a page of their own; a credential is on its relying party's."""


@dataclass(frozen=True, slots=True)
class Named:
    """An object that an event names. `page` is the primary key and kind of its page, if it still has one."""

    about: str
    kind: str
    id: int
    label: str
    page: tuple[str, int] | None

    @property
    def words(self) -> str:
        return str(KINDS[self.kind]._meta.verbose_name)


def named_in(event: IssuanceEvent) -> tuple[Named, ...]:
    issuer = _then(Issuer, event.at, path=_path_of(event.issuer)) if _is_ours(event.issuer) else None
    client = issuer and _then(RelyingParty, event.at, issuer_id=issuer.id, client_id=event.client_id)
    found = [("issuer", "issuer", issuer), ("relying_party", "relying_party", client), *_credential(event)]
    if event.claim_template:
        found.append(("claim_template", "claim_template", _template(event)))
    if issuer:
        audience = [
            (ResourceServer, "resource_server", {"identifier": name}) for name in event.audience.split()
        ]
        for model, kind, named in [*audience, (SigningKey, "signing_key", {"kid": event.kid})]:
            found.append((kind, kind, _then(model, event.at, issuer_id=issuer.id, **named)))
    return tuple(_named(about, kind, row) for about, kind, row in found if row)


def row_then(event: IssuanceEvent, kind: str, number: int) -> Any:
    """The history row that was valid at the event's instant; None if there is none."""
    if kind == "claim_template" and (row := _template(event)) and row.id == number:
        return row
    return _then(KINDS[kind], event.at, id=number)


def _then(model: type[Model], at: datetime, **named: Any) -> Any:
    """The newest history row of that time; None where the object was not there, or was deleted by then."""
    history = model.history.filter(history_date__lte=at, **named)  # type: ignore[attr-defined]
    row = history.order_by("-history_date", "-history_id").first()
    return row if row and row.history_type != "-" else None


def _template(event: IssuanceEvent) -> Any:
    """By the number in the row of the record: exactly the one that was used."""
    number = event.claim_template.rpartition("@")[2]
    if not number.isdigit():
        return None
    return ClaimTemplate.history.filter(history_id=number).first()


def _credential(event: IssuanceEvent) -> list[tuple[str, str, Any]]:
    """Keys and certificates have no row of their own: they are part of the relying party."""
    name = CredentialName.parse(event.credential)
    if name is None or name.thumbprint:
        return []
    return [("credential", name.kind, _then(KINDS[name.kind], event.at, id=name.number))]


def _named(about: str, kind: str, row: Any) -> Named:
    now = KINDS[kind]._default_manager.filter(pk=row.id).first()
    page = None
    if now is not None:
        page = (kind, now.pk) if kind in PAGES else ("relying_party", row.relying_party_id)
    return Named(about=about, kind=kind, id=row.id, label=str(now or label_of(row)), page=page)


def label_of(row: Any) -> str:
    """The name of an object in a history row, without what other tables would have to add."""
    names = ("name", "label", "client_id", "identifier", "kid")
    return next((value for name in names if (value := getattr(row, name, ""))), f"#{row.id}")


def _is_ours(url: str) -> bool:
    return url == settings.PUBLIC_URL or url.startswith(f"{settings.PUBLIC_URL}/")


def _path_of(url: str) -> str:
    return url.removeprefix(str(settings.PUBLIC_URL)).removeprefix("/")
