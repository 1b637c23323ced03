"""The cast where DPoP is accepted, and where it is required."""

import pytest

from tests.cast import Cast


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
