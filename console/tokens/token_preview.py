"""The preview of a token as a page shows it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from console.tokens.client_status import status_of
from issuance.outlook.imagined import allowed_address, stand_ins
from issuance.outlook.preview import preview
from issuance.wire.errors import OAuthError
from issuers.models import TokenEndpointAuthMethod
from relying_parties.models import RelyingParty
from relying_parties.snapshots import snapshot_of

MAX_NAMED = 5


@dataclass(frozen=True, slots=True)
class TokenPreview:
    """Header and claims as JSON, or why there would be no token."""

    relying_party: RelyingParty
    header: str = ""
    claims: str = ""
    refusal: str = ""
    cap: str = ""
    """Why the token can expire before the `exp` that is shown; empty if it cannot."""
    no_token: str = ""
    """Why the endpoint gives no such token now, for any request; empty if it does."""


def token_preview(
    relying_party: RelyingParty,
    *,
    parameters: Mapping[str, str] | None = None,
    address: str = "",
    now: datetime | None = None,
) -> TokenPreview:
    """For these parameters; without any, for a request that meets every rule, with `<name>` instead of each value."""
    client = snapshot_of(relying_party)
    status = status_of(relying_party)
    no_token = "" if status.gets_tokens else str(status)
    try:
        token = preview(
            relying_party,
            parameters=stand_ins(client) if parameters is None else parameters,
            obeys_rules=parameters is not None,
            address=address or allowed_address(client),
            now=now or timezone.now(),
            client=client,
        )
    except OAuthError as refusal:
        return TokenPreview(relying_party, refusal=f"{refusal.error}: {refusal.detail}", no_token=no_token)
    return TokenPreview(
        relying_party,
        header=json_of(token.header),
        claims=json_of(token.claims),
        cap=_cap(relying_party),
        no_token=no_token,
    )


def _cap(relying_party: RelyingParty) -> str:
    """Not a number: how long a request's proof lives is known only when the request comes."""
    if relying_party.token_endpoint_auth_method != TokenEndpointAuthMethod.FEDERATED_JWT:
        return ""
    capping = relying_party.federated_credentials.filter(caps_token_lifetime=True).order_by("label")
    names = [str(credential) for credential in capping[: MAX_NAMED + 1]]
    if not names:
        return ""
    named = ", ".join(names[:MAX_NAMED]) + (" and others" if len(names) > MAX_NAMED else "")
    return (
        f"The exp shown is the latest end. Proven by {named}, the token ends with the token that proves the client "
        f"if that one ends earlier."
    )


def json_of(members: object) -> str:
    return json.dumps(members, indent=2, ensure_ascii=False)
