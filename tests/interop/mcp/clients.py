"""A client of the MCP Python SDK for each of its machine-to-machine providers: calls the tool `who`.

It runs with the Python of `.venv` in this directory. Input: JSON on standard input, see test_mcp.py.
Output: one JSON object, by client id.
"""

import asyncio
import json
import sys
from typing import Any

from mcp.client import ClientSession
from mcp.client.auth import OAuthClientProvider
from mcp.client.auth.extensions.client_credentials import (
    ClientCredentialsOAuthProvider,
    PrivateKeyJWTOAuthProvider,
    SignedJWTParameters,
    static_assertion_provider,
)
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken


class Storage:
    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return None

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        pass


def providers(asked: dict[str, Any]) -> dict[str, OAuthClientProvider]:
    with_secrets: dict[str, OAuthClientProvider] = {
        client_id: ClientCredentialsOAuthProvider(
            server_url=asked["server"],
            storage=Storage(),
            client_id=client_id,
            client_secret=secret,
            token_endpoint_auth_method=f"client_secret_{client_id}",
            issuer=asked["issuer"],
        )
        for client_id, secret in asked["secrets"].items()
    }
    assertions = {
        f"key-{alg}": SignedJWTParameters(
            issuer=f"key-{alg}", subject=f"key-{alg}", signing_key=pem, signing_algorithm=alg
        ).create_assertion_provider()
        for alg, pem in asked["keys"].items()
    } | {"workload": static_assertion_provider(asked["assertion"])}
    return with_secrets | {
        client_id: PrivateKeyJWTOAuthProvider(
            server_url=asked["server"],
            storage=Storage(),
            client_id=client_id,
            assertion_provider=assertion,
            issuer=asked["issuer"],
        )
        for client_id, assertion in assertions.items()
    }


async def who(server: str, provider: OAuthClientProvider) -> dict[str, Any]:
    async with (
        create_mcp_http_client(auth=provider) as http_client,
        streamable_http_client(server, http_client=http_client) as (read, write),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        told = await session.call_tool("who", {})
        answer: dict[str, Any] = json.loads(told.content[0].text)
        return answer


def main() -> None:
    asked = json.load(sys.stdin)
    told: dict[str, Any] = {}
    for client_id, provider in providers(asked).items():
        try:
            told[client_id] = asyncio.run(who(asked["server"], provider))
        except* Exception as failed:
            told[client_id] = {"failed": repr(failed.exceptions)}
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
