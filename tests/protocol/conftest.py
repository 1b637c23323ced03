"""The cast where DPoP is accepted, and where it is required; a server behind a proxy that passes certificates on."""

import pytest
from pytest_django import Settings

from tests.protocol.certificates import PROXIES
from tests.support.cast import Cast


@pytest.fixture
def dpop(cast: Cast) -> Cast:
    """DPoP is accepted at `oidc_m2m`."""
    cast.oidc_m2m.accepts_dpop = True
    cast.oidc_m2m.checked().save()
    return cast


@pytest.fixture
def required(dpop: Cast) -> Cast:
    """And required of billing."""
    dpop.billing.issuer = dpop.oidc_m2m
    dpop.billing.dpop_bound_access_tokens = True
    dpop.billing.checked().save()
    return dpop


@pytest.fixture
def behind_a_proxy(settings: Settings) -> None:
    """One that passes certificates on (tests/protocol/certificates.py)."""
    settings.TRUSTED_PROXIES = PROXIES
    settings.CLIENT_CERTIFICATE_HEADER = "rfc9440"
