"""The token of this test session, where SoftHSM is installed."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from keys.pkcs11 import token as pkcs11_token
from tests.keys.softhsm import MODULE, PIN, SoftHsm


@pytest.fixture(scope="session")
def _softhsm(tmp_path_factory: pytest.TempPathFactory) -> SoftHsm:
    if not MODULE.exists():
        pytest.skip("SoftHSM is not installed (Debian: softhsm2).")
    made = SoftHsm(tmp_path_factory.mktemp("softhsm"))
    made.make_token()
    return made


@pytest.fixture
def softhsm(
    _softhsm: SoftHsm,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[SoftHsm]:
    """What other tests put into the token stays there."""
    monkeypatch.setenv("SOFTHSM2_CONF", str(_softhsm.configuration))
    settings.PKCS11_MODULE, settings.PKCS11_PIN = str(MODULE), PIN
    yield _softhsm
    pkcs11_token.close()
