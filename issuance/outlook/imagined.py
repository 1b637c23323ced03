"""A request that nobody sent, for a look ahead: what it holds, and from where it comes."""

from collections.abc import Mapping

from issuance.tokens.grants import CLIENT_CREDENTIALS
from issuance.wire.token_request import PROTOCOL, TokenRequest
from relying_parties.client import Client

ANYWHERE = "127.0.0.1"


def request_of(parameters: Mapping[str, str]) -> TokenRequest:
    sent = {"grant_type": CLIENT_CREDENTIALS, **parameters}
    return TokenRequest(
        parameters={name: (value,) for name, value in sent.items() if value}, authorization=""
    )


def parameters_read(client: Client) -> list[str]:
    """The parameters, beside the protocol's own, that its rules and its template read."""
    return sorted(client.parameters_read - PROTOCOL)


def stand_ins(client: Client) -> dict[str, str]:
    """`<name>` in place of each value that its rules and its template read."""
    return {name: f"<{name}>" for name in parameters_read(client)}


def allowed_address(client: Client) -> str:
    """One from which it may ask."""
    return str(client.allowed_networks[0].network_address) if client.allowed_networks else ANYWHERE
