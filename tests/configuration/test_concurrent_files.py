"""Files that are applied at the same moment: one after another, and what stands then fits together."""

import pytest
from django.db import IntegrityError

from configuration.reading.problems import InvalidConfigurationError
from relying_parties.consistency import problems_of
from relying_parties.models import FederatedCredential, RelyingParty, TrustedIssuer
from tests.configuration.files import applied
from tests.support.at_once import all_at_once
from tests.support.cast import Cast

METHODS = "token_endpoint_auth_methods: [client_secret_basic, client_secret_post, federated_jwt]"
ISSUER = f"issuers: [{{path: oidc_m2m, {METHODS}}}]"
WORKLOAD = f"""
    {ISSUER}
    trusted_issuers: [{{issuer: oidc_m2m, name: ci, issuer_url: https://ci.example}}]
    relying_parties:
      - issuer: oidc_m2m
        client_id: reports
        token_endpoint_auth_method: federated_jwt
        federated_credentials: [{{label: main, trusted_issuer: ci, subject: a}}]
"""


def outcome(text: str) -> str:
    """What became of the file: `manage.py apply` tells each to who runs it."""
    try:
        return "applied" if applied(text).changes else "nothing to do"
    except InvalidConfigurationError:
        return "refused"
    except IntegrityError:
        return "another came in between"


def test_one_file_twice_at_once_is_applied_once(cast: Cast) -> None:
    outcomes = all_at_once(*[lambda: outcome(WORKLOAD)] * 3)

    assert outcomes.count("applied") == 1
    assert "refused" not in outcomes
    assert (TrustedIssuer.objects.count(), FederatedCredential.objects.count()) == (1, 1)
    assert outcome(WORKLOAD) == "nothing to do"


@pytest.mark.parametrize("attempt", [1, 2, 3])
def test_a_method_that_one_file_switches_off_is_not_what_another_moves_a_client_to(
    cast: Cast, attempt: int
) -> None:
    applied(ISSUER)
    move = (
        "relying_parties: [{issuer: oidc_m2m, client_id: billing, token_endpoint_auth_method: federated_jwt}]"
    )
    switch_off = ISSUER.replace(", federated_jwt", "")

    outcomes = all_at_once(lambda: outcome(move), lambda: outcome(switch_off))

    assert sorted(outcomes) == ["applied", "refused"]
    assert problems_of(RelyingParty.objects.get(client_id="billing")) == []
