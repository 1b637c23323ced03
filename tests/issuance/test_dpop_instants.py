"""issuance/tokens/dpop.py: the edges of a proof's time, to the second."""

from datetime import UTC, datetime

import pytest

from issuance.tokens.dpop import proven_key
from issuance.wire.errors import InvalidDpopProof
from tests.support.proofs import key_for, proof, thumbprint

NOW = datetime(2027, 1, 1, tzinfo=UTC)
CLOCK = int(NOW.timestamp())


def is_accepted(**claims: float) -> bool:
    try:
        sent = proof({"iat": CLOCK, **claims})
        proven = proven_key(sent, algs=("ES256",), path="/oidc_m2m/token", now=NOW)
    except InvalidDpopProof:
        return False
    return proven.jkt == thumbprint(key_for("ES256"))


@pytest.mark.contract("P8.3")
@pytest.mark.spec("RFC 9449", "11.1")
def test_the_age_of_a_proof_has_its_edge_at_300_seconds_and_at_60_ahead() -> None:
    assert [is_accepted(iat=CLOCK - 300), is_accepted(iat=CLOCK - 300.1)] == [True, False]
    assert [is_accepted(iat=CLOCK + 60), is_accepted(iat=CLOCK + 60.1)] == [True, False]


@pytest.mark.contract("P8.3")
@pytest.mark.spec("RFC 7519", "4.1.4")
def test_an_end_and_a_beginning_have_their_edges_a_minute_away() -> None:
    assert [is_accepted(exp=CLOCK - 59.9), is_accepted(exp=CLOCK - 60)] == [True, False]
    assert [is_accepted(nbf=CLOCK + 60), is_accepted(nbf=CLOCK + 60.1)] == [True, False]
