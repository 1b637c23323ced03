"""Searching the configuration by names: exactly, or as a part of a name."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Model, Q
from django.urls import reverse

from audit.credential_name import CredentialKind, CredentialName
from console.find.hits import MAX_HITS, Group, Hit, group
from console.site.permissions import SEES_CONFIGURATION, SEES_RECORD
from issuers.models import Issuer
from keys.models import SigningKey
from relying_parties.models import (
    ClaimTemplate,
    ClientSecret,
    FederatedCredential,
    RelyingParty,
    ResourceServer,
    TrustedIssuer,
)

MIN_PART = 2
"""Characters of a part of a name: one letter is in nearly all of them."""


@dataclass(frozen=True, slots=True)
class Named:
    """A kind of object, the columns that name it, and who may see it."""

    words: str
    model: type[Model]
    columns: tuple[str, ...]
    related: str
    """The object to which it belongs, shown beside its name; empty for none."""
    permissions: tuple[str, ...]
    url: Callable[[Any], str]

    def exactly(self, text: str) -> Q:
        asked = _any(self.columns, "", text)
        if self.model is Issuer and text.startswith(settings.PUBLIC_URL):
            asked |= Q(path=text.removeprefix(settings.PUBLIC_URL).strip("/"))
        return asked

    def found(self, asked: Q) -> Group:
        rows = self.model._default_manager.filter(asked)
        rows = rows.select_related(self.related) if self.related else rows
        return group(self.words, [self._hit(row) for row in rows[: MAX_HITS + 1]])

    def _hit(self, row: Any) -> Hit:
        names = dict.fromkeys(str(getattr(row, column)) for column in self.columns if getattr(row, column))
        belongs = [f"of {getattr(row, self.related)}"] if self.related and getattr(row, self.related) else []
        return Hit(text=str(row), detail=", ".join([*names, *belongs]), url=self.url(row))


def _page(row: Any) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def _credential_page(kind: CredentialKind) -> Callable[[Any], str]:
    return lambda row: reverse("admin:credential", args=[CredentialName(kind, row.pk)])


def _named(words: str, model: type[Model], columns: tuple[str, ...], related: str = "") -> Named:
    permission = f"{model._meta.app_label}.view_{model._meta.model_name}"
    return Named(words, model, columns, related, (permission,), _page)


def _credential(words: str, model: type[Model], kind: CredentialKind) -> Named:
    permissions = (SEES_RECORD, *SEES_CONFIGURATION)
    return Named(words, model, ("label",), "relying_party", permissions, _credential_page(kind))


KINDS = (
    _named("Clients", RelyingParty, ("client_id", "name"), "issuer"),
    _named("APIs", ResourceServer, ("identifier", "name"), "issuer"),
    _named("Issuers", Issuer, ("path", "name")),
    _named("Workload issuers", TrustedIssuer, ("name", "issuer_url"), "issuer"),
    _named("Claim templates", ClaimTemplate, ("name",)),
    _named("Signing keys", SigningKey, ("kid",), "issuer"),
    _credential("Client secrets", ClientSecret, CredentialKind.SECRET),
    _credential("Workloads", FederatedCredential, CredentialKind.FEDERATED),
)


def named_exactly(text: str, *, user: Any) -> Iterator[Group]:
    return (kind.found(kind.exactly(text)) for kind in _seen_by(user))


def named_like(text: str, *, user: Any) -> Iterator[Group]:
    """Objects with the text in a name, but not as the whole of it."""
    if len(text) < MIN_PART:
        return iter(())
    return (
        kind.found(_any(kind.columns, "__icontains", text) & ~kind.exactly(text)) for kind in _seen_by(user)
    )


def _seen_by(user: Any) -> list[Named]:
    return [kind for kind in KINDS if user.has_perms(kind.permissions)]


def _any(columns: tuple[str, ...], how: str, text: str) -> Q:
    asked = Q()
    for column in columns:
        asked |= Q(**{f"{column}{how}": text})
    return asked
