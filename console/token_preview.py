"""The preview of a token as a page shows it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils import timezone

from issuance.errors import OAuthError
from issuance.preview import preview
from issuance.token_request import PROTOCOL
from relying_parties.models import RelyingParty
from relying_parties.registry import snapshot_of

ANYWHERE = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class TokenPreview:
    """Header and claims as JSON, or why there would be no token."""

    relying_party: RelyingParty
    header: str = ""
    claims: str = ""
    refusal: str = ""


def token_preview(
    relying_party: RelyingParty, *, parameters: Mapping[str, str] | None = None, address: str = ""
) -> TokenPreview:
    """For these parameters; without any, for a request that meets every rule, `<name>` in place of each value."""
    stand_ins = {name: f"<{name}>" for name in parameters_read(relying_party)}
    try:
        token = preview(
            relying_party,
            parameters=stand_ins if parameters is None else parameters,
            obeys_rules=parameters is not None,
            address=address or allowed_address(relying_party),
            now=timezone.now(),
        )
    except OAuthError as refusal:
        return TokenPreview(relying_party, refusal=f"{refusal.error}: {refusal.detail}")
    return TokenPreview(relying_party, header=_json(token.header), claims=_json(token.claims))


def parameters_read(relying_party: RelyingParty) -> list[str]:
    """The parameters, beside the protocol's own, that its rules and its template read."""
    return sorted(snapshot_of(relying_party).parameters_read - PROTOCOL)


def allowed_address(relying_party: RelyingParty) -> str:
    networks = snapshot_of(relying_party).allowed_networks
    return str(networks[0].network_address) if networks else ANYWHERE


def _json(members: object) -> str:
    return json.dumps(members, indent=2, ensure_ascii=False)
