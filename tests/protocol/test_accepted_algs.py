"""P7.10: an issuer names the algorithms that it accepts in client assertions and DPoP proofs."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from issuers.models import Issuer
from tests.protocol.dpop import billing
from tests.support.assertions import (
    new_cluster,
    new_credential,
    new_robot,
    new_workload,
    of_cluster,
    own,
    send,
    why_refused,
)
from tests.support.cast import Cast
from tests.support.forging import signer
from tests.support.proofs import proof
from tests.support.wire import assert_refused, get

FAPI = ["PS256", "ES256", "EdDSA"]
ASSERTIONS, PROOFS = "token_endpoint_auth_signing_alg_values_supported", "dpop_signing_alg_values_supported"

pytestmark = pytest.mark.contract("P7.10")


def metadata() -> Any:
    return get("/oidc_m2m/.well-known/openid-configuration").json


def test_an_assertion_with_another_algorithm_is_refused(cast: Cast) -> None:
    new_robot(cast)
    good, other = signer("ES256"), signer("RS256")
    assert send(own(cast, other).made()).status == 200
    Issuer.objects.filter(pk=cast.oidc_m2m.pk).update(**{ASSERTIONS: FAPI})
    assert send(own(cast, good).made()).status == 200
    reason = why_refused(own(cast, other).made())
    assert "Its alg is RS256; this issuer accepts PS256, ES256, EdDSA." in reason
    assert metadata()[ASSERTIONS] == FAPI


def test_a_proof_with_another_algorithm_is_refused(cast: Cast) -> None:
    Issuer.objects.filter(pk=cast.oidc_m2m.pk).update(accepts_dpop=True, **{PROOFS: FAPI})
    assert billing(cast, proof(alg="ES256")).status == 200
    event = assert_refused(billing(cast, proof(alg="RS256")), 400, "invalid_dpop_proof")
    assert "Its alg is RS256; this issuer accepts PS256, ES256, EdDSA." in event.detail
    assert metadata()[PROOFS] == FAPI


def test_a_trusted_issuers_token_with_another_algorithm_is_refused(cast: Cast) -> None:
    by = signer("RS256")
    new_credential(new_workload(cast), new_cluster(cast, by))
    Issuer.objects.filter(pk=cast.oidc_m2m.pk).update(**{ASSERTIONS: FAPI})
    reason = why_refused(of_cluster(cast, by).made(), client_id="workload")
    assert "Its alg is RS256; this issuer accepts" in reason


@pytest.mark.parametrize("name", [ASSERTIONS, PROOFS])
@pytest.mark.parametrize("algs", [[], None, "PS256", ["PS256", "PS256"], ["HS256"], ["none"], [1]])
def test_what_is_no_list_of_algorithms_is_refused_at_save(cast: Cast, name: str, algs: Any) -> None:
    setattr(cast.oidc_m2m, name, algs)
    with pytest.raises(ValidationError) as caught:
        cast.oidc_m2m.full_clean()
    assert name in caught.value.message_dict


def test_a_client_whose_keys_can_do_none_is_refused_at_save(cast: Cast) -> None:
    robot = new_robot(cast, signer("RS256"))
    cast.oidc_m2m.token_endpoint_auth_signing_alg_values_supported = ["ES256"]
    cast.oidc_m2m.save()
    robot.refresh_from_db()
    with pytest.raises(ValidationError, match=r"none of the algorithms that .* accepts: ES256"):
        robot.full_clean()
