"""What a configuration file may say: its sections, and the keys of each, taken from the models."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import models

from configuration.reading.document import Node
from configuration.reading.public_files import certificates_in, jwks_in
from configuration.reading.secret_sources import FromFile, Surroundings, generate_flag, secret_source
from configuration.reading.values import filled_text
from issuers.models import GlobalVariable, Issuer
from keys.models import SigningKey
from relying_parties.models import (
    AccessGrant,
    ClaimTemplate,
    ClientSecret,
    FederatedCredential,
    RelyingParty,
    RequestRule,
    ResourceServer,
    TrustedIssuer,
)

Reader = Callable[[Node], Any]
"""Turns a node into a value. Raises ValueError, whose text continues after the key's name."""


@dataclass(frozen=True, slots=True)
class InFile:
    """A field whose value may be in a file of its own."""

    name: str
    read: Callable[[FromFile, Surroundings], Any]
    """Raises ValueError."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object in the file."""

    model: type[models.Model]
    identity: tuple[str, ...]
    """The fields that identify the object."""
    left_out: frozenset[str] = frozenset()
    """Fields that a file does not set."""
    wire_names: Mapping[str, str] = field(default_factory=dict)
    """The key of a field whose name differs from the model's."""
    further: Mapping[str, Reader] = field(default_factory=dict)
    """Keys that are not fields of the model."""
    in_files: Mapping[str, InFile] = field(default_factory=dict)
    """Keys that name the file of a field's value, each instead of the field's own key."""
    parts: Mapping[str, Kind] = field(default_factory=dict)
    """Lists of objects that belong to this one."""
    one_of: tuple[str, ...] = ()
    """Keys of which exactly one must be there."""
    needed: frozenset[str] = frozenset()
    """Fields that the file must fill, though the model need not."""
    variants: Mapping[str, Kind] = field(default_factory=dict)
    """The kind that the object is instead, by the key that decides it."""
    may_repeat: bool = False
    """Whether several objects may have the same identity; then their order distinguishes them."""
    hint: str = ""
    """What to say when another key is used."""

    @property
    def noun(self) -> str:
        return str(self.model._meta.verbose_name)

    def key(self, name: str) -> str:
        """The key under which the file holds this field."""
        return self.wire_names.get(name, name)

    def fields(self) -> dict[str, models.Field[Any, Any]]:
        """The model's fields by their keys in the file."""
        return {
            self.key(column.name): column
            for column in self.model._meta.concrete_fields
            if column.editable and not column.primary_key and column.name not in self.left_out
        }

    def keys(self) -> list[str]:
        """All that an object of this kind may have."""
        return [*self.fields(), *self.further, *self.in_files, *self.parts]

    def required(self) -> list[str]:
        """The keys that are needed to identify the object."""
        return [self.key(name) for name in self.identity if not self.may_lack(name)]

    def may_lack(self, name: str) -> bool:
        return name not in self.needed and self.model._meta.get_field(name).null

    def variant(self, keys: Collection[str]) -> Kind:
        """What an object with these keys is."""
        return next((variant for key, variant in self.variants.items() if key in keys), self)


def all_but(model: type[models.Model], *names: str) -> frozenset[str]:
    """The model's other fields."""
    return frozenset(column.name for column in model._meta.concrete_fields) - set(names)


OF_THE_RELYING_PARTY = frozenset({"relying_party"})

SECRET = Kind(
    model=ClientSecret,
    identity=("label",),
    left_out=OF_THE_RELYING_PARTY | {"revoked_at"},
    further={"secret_from": secret_source, "generate": generate_flag},
    one_of=("secret_from", "generate"),
    hint="A secret comes by reference, as secret_from: {env: NAME} or {file: PATH}, or by generate: true.",
)
GRANT = Kind(
    model=AccessGrant,
    identity=("resource_server",),
    left_out=OF_THE_RELYING_PARTY,
    wire_names={"is_default": "default"},
)
FEDERATED_CREDENTIAL = Kind(model=FederatedCredential, identity=("label",), left_out=OF_THE_RELYING_PARTY)
RULE = Kind(model=RequestRule, identity=("parameter",), left_out=OF_THE_RELYING_PARTY, may_repeat=True)

PKCS12_KEY = Kind(
    model=SigningKey,
    identity=("issuer",),
    left_out=all_but(SigningKey, "issuer", "alg", "kid"),
    further={
        "pkcs12": secret_source,
        "alias": filled_text,
        "store_password_from": secret_source,
        "key_password_from": secret_source,
    },
    needed=frozenset({"issuer"}),
    may_repeat=True,
)
PEM_KEY = replace(
    PKCS12_KEY,
    further={"pem": secret_source, "key_password_from": secret_source, "certificates": secret_source},
)
JWK_KEY = replace(PKCS12_KEY, further={"jwk": secret_source})

SECTIONS = {
    "issuers": Kind(
        model=Issuer,
        identity=("path",),
        in_files={"client_ca_certificates_from": InFile("client_ca_certificates", certificates_in)},
    ),
    "signing_keys": Kind(
        model=SigningKey,
        identity=("issuer", "alg"),
        left_out=all_but(SigningKey, "issuer", "alg"),
        needed=frozenset({"issuer"}),
        variants={"pkcs12": PKCS12_KEY, "pem": PEM_KEY, "jwk": JWK_KEY},
        hint="A key is made here; with pkcs12: {file: PATH}, pem: {file: PATH} or jwk: {file: PATH} it is imported.",
    ),
    "global_variables": Kind(model=GlobalVariable, identity=("issuer", "name")),
    "resource_servers": Kind(model=ResourceServer, identity=("issuer", "identifier")),
    "claim_templates": Kind(model=ClaimTemplate, identity=("name",)),
    "trusted_issuers": Kind(
        model=TrustedIssuer, identity=("issuer", "name"), in_files={"jwks_from": InFile("jwks", jwks_in)}
    ),
    "relying_parties": Kind(
        model=RelyingParty,
        identity=("issuer", "client_id"),
        wire_names={"name": "client_name", "client_jwks": "jwks", "client_jwks_uri": "jwks_uri"},
        in_files={"jwks_from": InFile("client_jwks", jwks_in)},
        parts={
            "secrets": SECRET,
            "federated_credentials": FEDERATED_CREDENTIAL,
            "grants": GRANT,
            "rules": RULE,
        },
    ),
}

IDENTITIES = {kind.model: kind.identity for kind in SECTIONS.values()}
