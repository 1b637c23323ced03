"""Real TLS, and an issuer with every method on."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.interop.estate import Estate, build_estate
from tests.support.authority import Authority
from tests.support.cast import Cast
from tests.support.server import Server, serve


@dataclass(frozen=True, slots=True)
class Provider:
    server: Server
    estate: Estate
    ca: str
    """The file of the certificate that its TLS is trusted by."""

    @property
    def issuer(self) -> str:
        return f"{self.server.url}/oidc_m2m"

    @property
    def token_endpoint(self) -> str:
        return f"{self.issuer}/token"


@pytest.fixture
def provider(cast: Cast, authority: Authority, tmp_path: Path) -> Iterator[Provider]:
    estate = build_estate(cast, authority)
    tls = authority.tls()
    with serve(tmp_path, 2, tls=tls) as server:
        yield Provider(server=server, estate=estate, ca=str(authority.own.certificate))
