"""When a credential was registered, and by whom: from the history of the configuration."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit.credential_name import CredentialKind, CredentialName
from console.admin_base.credential_labels import jwks_of, thumbprint_of
from console.admin_base.instants import written
from formats.thumbprints import base64url
from issuers.versioning.history import Source
from relying_parties.jwks.client_keys import VerificationKey, registered_keys
from relying_parties.models import RelyingParty

MAX_VERSIONS = 100
"""Of a client, the newest first: each may hold a hundred kilobytes of keys."""


@dataclass(frozen=True, slots=True)
class Made:
    """`is_earlier`: it was there at that instant already, and older versions were not read."""

    at: datetime
    actor: str
    source: str
    is_earlier: bool = False

    def __str__(self) -> str:
        by = f"{written(self.at)} by {self.actor} ({self.source})"
        return f"before {written(self.at)}" if self.is_earlier else by


def made_from(record: Any, *, is_earlier: bool = False) -> Made:
    """By the author of a row of the history."""
    return Made(
        at=record.history_date,
        actor=record.history_user_id,
        source=Source(record.source).label,
        is_earlier=is_earlier,
    )


def registered_key(jwks: Any, name: CredentialName) -> VerificationKey | None:
    """The usable key of this thumbprint, or with the certificate of it."""
    keys = registered_keys(jwks)
    if name.kind == CredentialKind.CERTIFICATE:
        return next((key for key in keys if _is_leaf(key, name.thumbprint)), None)
    return next((key for key in keys if key.thumbprint == name.thumbprint), None)


def first_registered(name: CredentialName) -> Made | None:
    """The version of the client that brought the key, the last time; None if no version that was read has it."""
    versions = RelyingParty.history.filter(id=name.number).order_by("-history_id")
    found = None
    for number, version in enumerate(versions[: MAX_VERSIONS + 1].iterator(chunk_size=10)):
        if _holds(version.client_jwks, name):
            found = made_from(version, is_earlier=number == MAX_VERSIONS)
        elif found:
            break
    return found


def _holds(jwks: Any, name: CredentialName) -> bool:
    """By hashes alone: no key is read."""
    thumbprint = _certificate_hash if name.kind == CredentialKind.CERTIFICATE else thumbprint_of
    return any(thumbprint(jwk) == name.thumbprint for jwk in jwks_of(jwks))


def _certificate_hash(jwk: Mapping[str, Any]) -> str:
    """Of the leaf of `x5c`, as RFC 8705 names it; empty if there is none that can be read."""
    chain = jwk.get("x5c")
    try:
        leaf = base64.b64decode(chain[0]) if isinstance(chain, list) and chain else b""
    except (TypeError, ValueError):
        return ""
    return base64url(hashlib.sha256(leaf).digest()) if leaf else ""


def _is_leaf(key: VerificationKey, thumbprint: str) -> bool:
    leaf = key.certificates[0] if key.certificates else b""
    return base64url(hashlib.sha256(leaf).digest()) == thumbprint
