"""What people call the credentials that the record names, such as `secret 2026 …XbFM` for `secret:17`."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from audit.credential_name import CredentialKind, CredentialName
from formats.thumbprints import REQUIRED_MEMBERS, thumbprint
from relying_parties.models import ClientSecret, FederatedCredential, RelyingParty

SHOWN = 8
"""Characters of a thumbprint."""
WORDS = {CredentialKind.SECRET: "secret", CredentialKind.FEDERATED: "workload"}
MODELS: Mapping[CredentialKind, Any] = {
    CredentialKind.SECRET: ClientSecret,
    CredentialKind.FEDERATED: FederatedCredential,
}


def credential_labels(credentials: Iterable[str]) -> dict[str, str]:
    """By the record's names, for any number of them in a few queries. What is no credential's name is its own label."""
    names = {text: CredentialName.parse(text) for text in set(credentials) if text}
    numbers = {
        kind: {name.number for name in names.values() if name and name.kind == kind}
        for kind in CredentialKind
    }
    found = _rows(numbers)
    kids = _kids(numbers[CredentialKind.KEY])
    return {text: _label(name, found, kids) if name else text for text, name in names.items()}


def _rows(numbers: Mapping[CredentialKind, Collection[int]]) -> dict[tuple[CredentialKind, int], str]:
    """The labels of secrets and federated credentials; of deleted ones from their history."""
    found: dict[tuple[CredentialKind, int], str] = {}
    for kind, model in MODELS.items():
        gone = model.history.filter(id__in=numbers[kind], history_type="-")
        found |= {(kind, row.id): f"{label_of(kind, row)}, deleted" for row in gone}
        there = model.objects.filter(pk__in=numbers[kind])
        found |= {(kind, row.pk): label_of(kind, row) for row in there}
    return found


def label_of(kind: CredentialKind, row: Any) -> str:
    """Of a secret or federated credential, or of a row of its history."""
    hint = f" …{row.hint}" if getattr(row, "hint", "") else ""
    return f"{WORDS[kind]} {row.label or f'#{row.id}'}{hint}"


def _kids(clients: Collection[int]) -> dict[tuple[int, str], str]:
    """Of the keys registered here, by client and thumbprint. Nothing is verified, so no key is read."""
    registered = RelyingParty.objects.filter(pk__in=clients, client_jwks__isnull=False)
    return {
        (client, found): str(jwk["kid"])
        for client, jwks in registered.values_list("pk", "client_jwks")
        for jwk in jwks_of(jwks)
        if jwk.get("kid") and (found := thumbprint_of(jwk))
    }


def jwks_of(jwks: Any) -> Iterator[Mapping[str, Any]]:
    keys = jwks.get("keys") if isinstance(jwks, Mapping) else None
    return (jwk for jwk in keys if isinstance(jwk, Mapping)) if isinstance(keys, list) else iter(())


def thumbprint_of(jwk: Mapping[str, Any]) -> str:
    """RFC 7638; empty for what is no key."""
    members = {name: jwk.get(name) for name in REQUIRED_MEMBERS.get(str(jwk.get("kty")), ())}
    is_whole = members and all(isinstance(value, str) for value in members.values())
    return thumbprint({name: str(value) for name, value in members.items()}) if is_whole else ""


def _label(
    name: CredentialName,
    rows: Mapping[tuple[CredentialKind, int], str],
    kids: Mapping[tuple[int, str], str],
) -> str:
    if not name.thumbprint:
        return rows.get((name.kind, name.number), str(name))
    known = kids.get((name.number, name.thumbprint)) if name.kind == CredentialKind.KEY else None
    return f"{name.kind} {known or f'{name.thumbprint[:SHOWN]}…'}"
