"""What works and will trouble a client all the same: said when it is saved, and in the plan of a file."""

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from issuance.outlook.imagined import allowed_address, stand_ins
from issuance.outlook.preview import preview
from issuance.tokens.access_token import UnsignedToken
from issuance.wire.errors import OAuthError
from issuers.models import Issuer, TokenEndpointAuthMethod
from keys.keyring import Keyring, KeySnapshot, read_keyring
from relying_parties.models import RelyingParty
from relying_parties.snapshots import snapshot_of
from relying_parties.templates import variables_of

MAX_HEADER = 8 * 1024
"""Bytes of a header line that many servers take (nginx, Apache, Node's 16 kB for all headers)."""
HEADER_LINE = len("Authorization: Bearer \r\n")
EC_SIGNATURES = {"ES256": 64, "ES384": 96, "EdDSA": 64}
"""Bytes (RFC 7518 section 3.4, RFC 8032)."""


@dataclass(frozen=True, slots=True)
class _Common:
    """What relying parties that are asked together have in common, read once."""

    keyring_of: Callable[[int], Keyring] = field(default_factory=lambda: cache(read_keyring))
    """By the issuer's primary key."""
    variables_of: Callable[[Issuer], dict[str, Any]] = field(default_factory=lambda: cache(variables_of))


def token_warnings(
    relying_parties: Iterable[RelyingParty], *, now: datetime
) -> Iterator[tuple[RelyingParty, str]]:
    """In sentences without the client's name. Reads no cache: it may be asked inside the transaction of a change."""
    common = _Common()
    for relying_party in relying_parties:
        for warning in (_colon_warning(relying_party), _size_warning(relying_party, common, now=now)):
            if warning:
                yield relying_party, warning


def _colon_warning(relying_party: RelyingParty) -> str:
    method = relying_party.token_endpoint_auth_method
    if ":" not in relying_party.client_id or method != TokenEndpointAuthMethod.CLIENT_SECRET_BASIC:
        return ""
    return (
        "its client ID has a colon, which ends the ID in Basic credentials (RFC 7617 section 2): a library that does "
        "not form-encode it may not be understood. Use client_secret_post, or a client ID without a colon."
    )


def _size_warning(relying_party: RelyingParty, common: _Common, *, now: datetime) -> str:
    size = _default_token_size(relying_party, common, now=now)
    if size is None or size + HEADER_LINE <= MAX_HEADER:
        return ""
    return (
        f"the token of a request that names no scope has {size:,} bytes, and many servers take a header of at most "
        f"{MAX_HEADER:,}. Make another grant the default, or let requests name the scopes that they need."
    )


def default_token_size(relying_party: RelyingParty, *, now: datetime) -> int | None:
    """Bytes of the token in compact serialization, None where such a request gets none or no key could sign it."""
    return _default_token_size(relying_party, _Common(), now=now)


def _default_token_size(relying_party: RelyingParty, common: _Common, *, now: datetime) -> int | None:
    issuer = relying_party.issuer
    client = snapshot_of(relying_party, variables=common.variables_of(issuer))
    key = common.keyring_of(issuer.pk).signing_key(alg=client.signing_alg or issuer.signing_alg, now=now)
    if key is None:
        return None
    try:
        token = preview(
            relying_party,
            parameters=stand_ins(client),
            address=allowed_address(client),
            now=now,
            obeys_rules=False,
            client=client,
            key=key,
        )
    except OAuthError:
        return None
    return _size(token, key)


def _size(token: UnsignedToken, key: KeySnapshot) -> int:
    """RFC 7515 section 7.1: three parts in base64url without padding, and two dots."""
    parts = (_json_length(token.header), _json_length(token.claims), _signature_length(key))
    return sum((length * 4 + 2) // 3 for length in parts) + 2


def _json_length(members: dict[str, Any]) -> int:
    return len(json.dumps(members, separators=(",", ":")).encode())


def _signature_length(key: KeySnapshot) -> int:
    if key.alg in EC_SIGNATURES:
        return EC_SIGNATURES[key.alg]
    modulus: str = key.jwk["n"]
    return len(base64.urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4)))
