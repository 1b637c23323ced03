"""One authority of clients for all tests here: keys are slow to make, and nothing changes them."""

from pathlib import Path

import pytest

from tests.mtls.authority import CLIENT, Authority, Issued, self_signed, server_certificate


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pki")


@pytest.fixture(scope="session")
def authority(pki: Path) -> Authority:
    return Authority.new(pki)


@pytest.fixture(scope="session")
def sub_authority(authority: Authority) -> Authority:
    return authority.sub_authority("sub")


@pytest.fixture(scope="session")
def stranger_authority(pki: Path) -> Authority:
    return Authority.new(pki, "strangers")


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
def server_pair(pki: Path, authority: Authority) -> Issued:
    return server_certificate(pki, authority)
