"""The clients of the MCP SDKs find the issuer through a protected MCP server, and call a tool of it with a token."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from relying_parties.models import RelyingParty
from tests.interop.conftest import Provider
from tests.interop.node import HERE as NPM
from tests.interop.node import NODE, answers_of, environment
from tests.interop.table import Role, Row, interoperates, npm, pypi
from tests.support.cast import Cast, new_grant, new_resource_server
from tests.support.verifying import verified_twice

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent / "mcp"
SCOPE = "tools.call"
PYTHONS_ALGS = ("RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA")
TYPESCRIPTS_ALGS = ("RS256", "PS256", "ES256", "ES384", "ES512")
NO_FEDERATION = "; `federated_jwt` does not work, as it sends no `client_id` beside the assertion"
REGISTERED = (
    "the MCP server's URL is an API, exactly as its protected resource metadata has it in `resource` "
    "(it comes as the parameter `resource`), with a grant"
)


@dataclass(frozen=True, slots=True)
class McpServer:
    url: str
    provider: Provider

    def question(self, algs: tuple[str, ...]) -> dict[str, Any]:
        estate = self.provider.estate
        return {
            "server": self.url,
            "issuer": self.provider.issuer,
            "secrets": estate.secrets,
            "keys": {alg: estate.keys[alg] for alg in algs},
            "assertion": estate.cluster_token(audience=self.provider.issuer),
        }


@pytest.fixture
def mcp_server(provider: Provider, cast: Cast) -> Iterator[McpServer]:
    """One of the TypeScript SDK. Every client of the estate has a grant at it."""
    with subprocess.Popen(
        [NODE, NPM / "mcp_server.mjs"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(provider.ca),
    ) as process:
        try:
            url = _started(process, {"issuer": provider.issuer, "scope": SCOPE})
            resource_server = new_resource_server(cast.oidc_m2m, url, [SCOPE])
            for relying_party in RelyingParty.objects.filter(client_id__in=_clients(provider)):
                new_grant(relying_party, resource_server, [SCOPE])
            yield McpServer(url, provider)
        finally:
            # It ends by itself then. A signal would reach only the wrapper that pip installs as `node`.
            process.communicate(timeout=10)


def _started(process: subprocess.Popen[str], question: dict[str, str]) -> str:
    """Its URL."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(question) + "\n")
    process.stdin.flush()
    url = process.stdout.readline().strip()
    assert url, "The MCP server did not start."
    return url


def _clients(provider: Provider) -> set[str]:
    return {"basic", "post", "workload", *(f"key-{alg}" for alg in provider.estate.keys)}


def assert_good(told: dict[str, Any], server: McpServer, algs: tuple[str, ...], *secrets: str) -> None:
    jwks = server.provider.server.get("/oidc_m2m/jwks").content
    # Neither SDK sends a client_id beside an assertion, and another issuer's assertion does not have it.
    assert "failed" in told.pop("workload")
    assert told.keys() == {*secrets, *(f"key-{alg}" for alg in algs)}
    for client_id, answer in told.items():
        assert "token" in answer, (client_id, answer)
        claims = verified_twice(answer["token"], jwks=jwks, alg="RS256")
        assert (claims["client_id"], claims["aud"], claims["scope"]) == (client_id, server.url, SCOPE)


@interoperates(
    Row(
        "MCP Python SDK",
        "`mcp` of PyPI",
        pypi("mcp", requirements=HERE / "requirements.txt"),
        Role.CLIENT,
        told=f"{REGISTERED}; `issuer=` the issuer; `token_endpoint_auth_method=` where it is not "
        "`client_secret_basic`",
        seen=f"`client_secret_basic`, `client_secret_post`, `private_key_jwt` with {', '.join(PYTHONS_ALGS)}"
        f"{NO_FEDERATION}",
    )
)
@pytest.mark.spec("RFC 8707", "2")
def test_the_python_sdk(mcp_server: McpServer) -> None:
    question = mcp_server.question(PYTHONS_ALGS)
    run = subprocess.run(
        [HERE / ".venv" / "bin" / "python", HERE / "clients.py"],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | {"SSL_CERT_FILE": mcp_server.provider.ca},
    )
    assert run.returncode == 0, run.stderr
    assert_good(json.loads(run.stdout), mcp_server, PYTHONS_ALGS, "basic", "post")


@interoperates(
    Row(
        "MCP TypeScript SDK",
        "`@modelcontextprotocol/sdk` of npm",
        npm("@modelcontextprotocol/sdk"),
        Role.CLIENT,
        told=f"{REGISTERED}; `expectedIssuer` the issuer. It sends a secret as `client_secret_basic` alone, if "
        "the issuer offers that",
        seen=f"`client_secret_basic`, `private_key_jwt` with {', '.join(TYPESCRIPTS_ALGS)}{NO_FEDERATION}",
    ),
    Row(
        "MCP TypeScript SDK",
        "`@modelcontextprotocol/sdk` of npm",
        npm("@modelcontextprotocol/sdk"),
        Role.VERIFIER,
        told="`mcpAuthMetadataRouter({ oauthMetadata })` with the metadata of the issuer; "
        "`requireBearerAuth({ verifier })`, which verifies with another library (here jose)",
        seen="its schema takes the metadata; both MCP SDKs find the issuer through it and call a tool",
    ),
)
@pytest.mark.spec("RFC 8707", "2")
def test_the_typescript_sdk(mcp_server: McpServer) -> None:
    told = answers_of("mcp_client.mjs", mcp_server.question(TYPESCRIPTS_ALGS), ca=mcp_server.provider.ca)
    assert "failed" in told.pop("post")
    assert_good(told, mcp_server, TYPESCRIPTS_ALGS, "basic")
