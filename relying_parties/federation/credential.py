"""Federated credentials as frozen snapshots: which issuer's tokens prove a relying party, and which of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from formats.patterns import compiled_pattern
from relying_parties.jwks.client_keys import VerificationKey, registered_keys
from relying_parties.models import FederatedCredential, TrustedIssuer


@dataclass(frozen=True, slots=True)
class Trusted:
    """A trusted issuer as it is stored. `keys` are the pasted ones; empty where `keys_from` says where they are."""

    id: int
    name: str
    is_active: bool
    issuer_url: str
    audience: str
    max_assertion_lifetime: int
    keys_from: str
    jwks_uri: str
    fetch_token_file: str
    keys: tuple[VerificationKey, ...]

    @classmethod
    def of(cls, trusted_issuer: TrustedIssuer) -> "Trusted":
        return cls(
            id=trusted_issuer.pk,
            name=trusted_issuer.name,
            is_active=trusted_issuer.is_active,
            issuer_url=trusted_issuer.issuer_url,
            audience=trusted_issuer.expected_audience,
            max_assertion_lifetime=trusted_issuer.max_assertion_lifetime,
            keys_from=trusted_issuer.keys_from,
            jwks_uri=trusted_issuer.jwks_uri,
            fetch_token_file=trusted_issuer.fetch_token_file,
            keys=registered_keys(trusted_issuer.jwks),
        )


@dataclass(frozen=True, slots=True)
class Federated:
    """Which tokens of a trusted issuer prove the relying party."""

    id: int
    trusted: Trusted
    subject: str
    pattern: Any
    """The compiled subject, None if it is compared exactly."""
    claims: Mapping[str, Any]
    caps_token_lifetime: bool
    is_single_use: bool

    @classmethod
    def of(cls, credential: FederatedCredential) -> "Federated":
        return cls(
            id=credential.pk,
            trusted=Trusted.of(credential.trusted_issuer),
            subject=credential.subject,
            pattern=compiled_pattern(credential.subject) if credential.subject_is_pattern else None,
            claims=credential.claims,
            caps_token_lifetime=credential.caps_token_lifetime,
            is_single_use=credential.is_single_use,
        )

    def has_subject(self, subject: str) -> bool:
        return (
            subject == self.subject if self.pattern is None else self.pattern.fullmatch(subject) is not None
        )

    def missing_claim(self, claims: Mapping[str, Any]) -> str | None:
        """The first pinned claim whose value the token does not have, None if it has all."""
        return next(
            (name for name, pinned in self.claims.items() if not _holds_member(claims, name, pinned)), None
        )


def _holds(found: Any, pinned: Any) -> bool:
    """Whether a claim has the pinned value; an object may have further members, as Kubernetes' objects do."""
    if isinstance(pinned, dict):
        return isinstance(found, dict) and all(
            _holds_member(found, name, value) for name, value in pinned.items()
        )
    if isinstance(pinned, list):
        return isinstance(found, list) and len(found) == len(pinned) and all(map(_holds, found, pinned))
    # In Python, not in JSON, true is 1.
    return bool(found == pinned) and isinstance(found, bool) == isinstance(pinned, bool)


def _holds_member(members: Mapping[str, Any], name: str, pinned: Any) -> bool:
    """A missing member differs from null."""
    return name in members and _holds(members[name], pinned)
