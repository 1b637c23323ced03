"""What the authorities issued, for all tests here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.authority import CLIENT, Authority, Issued, self_signed, server_certificate
from tests.support.cast import Cast
from tests.support.server import Server, Tls, serve


@pytest.fixture(scope="session")
def client(authority: Authority) -> Issued:
    return authority.issue("billing", CLIENT)


@pytest.fixture(scope="session")
def indirect_client(sub_authority: Authority) -> Issued:
    return sub_authority.issue("indirect", CLIENT)


@pytest.fixture(scope="session")
def stranger(stranger_authority: Authority) -> Issued:
    """The same name as the client's, from an authority that nobody trusts."""
    return stranger_authority.issue("stranger", CLIENT)


@pytest.fixture(scope="session")
def loner(pki: Path) -> Issued:
    return self_signed(pki, "loner")


@pytest.fixture(scope="session")
def server_pair(authority: Authority) -> Issued:
    return server_certificate(authority)


@pytest.fixture(params=["plain", "TLS"])
def one_worker(
    request: pytest.FixtureRequest, cast: Cast, authority: Authority, server_pair: Issued, tmp_path: Path
) -> Iterator[Server]:
    """A server of one worker, and the same where gunicorn ends TLS."""
    tls = Tls(server_pair.certificate, server_pair.key, ca=authority.own.certificate)
    with serve(tmp_path, 1, tls=tls if request.param == "TLS" else None) as server:
        yield server
