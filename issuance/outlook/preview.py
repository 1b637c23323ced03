"""What a token of a relying party would say, unsigned: the token path's own functions on an imagined request."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from issuance.client_auth.authenticate import refuse_misconfigured
from issuance.outlook.imagined import request_of
from issuance.tokens.access_token import UnsignedToken, token_for
from issuance.tokens.grants import authorize
from issuance.tokens.signing_key import ready_key
from issuers.directory import IssuerSnapshot
from keys.keyring import KeySnapshot
from relying_parties.client import Client
from relying_parties.models import RelyingParty

JTI = "made-when-issued"


def preview(
    relying_party: RelyingParty,
    *,
    parameters: Mapping[str, str],
    address: str,
    now: datetime,
    client: Client,
    obeys_rules: bool = True,
    key: KeySnapshot | None = None,
) -> UnsignedToken:
    """As if the relying party, proven, sent these parameters from this address. Raises the OAuthError it would get.

    `client`: its snapshot.
    `key`: of whom only the public half is needed; None: the one that would sign, its private half at hand.
    """
    issuer = IssuerSnapshot.of(relying_party.issuer)
    refuse_misconfigured(client)
    if not obeys_rules:
        client = replace(client, rules=())
    request = request_of(parameters)
    granted = authorize(request, client=client, issuer=issuer, address=address, now=now)
    key = key or ready_key(client=client, issuer=issuer, now=now)
    return token_for(
        client=client, issuer=issuer, request=request, granted=granted, key=key, jti=JTI, now=now
    )
