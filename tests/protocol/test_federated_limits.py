"""P7.11, P7.12: what a federated credential limits: how long its access tokens live, how often a token counts."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from issuance.models import UsedJti
from relying_parties.models import FederatedCredential, RelyingParty, TrustedIssuer
from tests.support.assertions import (
    FEDERATED_JWT,
    new_cluster,
    new_credential,
    new_workload,
    of_cluster,
    send,
    why_refused,
)
from tests.support.cast import Cast
from tests.support.forging import claims_without, signer
from tests.support.wire import Answer, assert_refused, last_event

RS256 = signer("RS256")
USED = (
    "The trusted issuer's token was used before, and its federated credential is for single use: "
    "get a new token for each request."
)


@pytest.fixture
def cluster(cast: Cast) -> TrustedIssuer:
    return new_cluster(cast)


@pytest.fixture
def workload(cast: Cast) -> RelyingParty:
    return new_workload(cast)


def sent(cast: Cast, client_id: str = "workload", **claims: Any) -> Answer:
    return send(of_cluster(cast, RS256, **claims).made(), client_id=client_id)


# The lifetime


@pytest.mark.contract("P7.11", "P5.1")
@pytest.mark.spec("RFC 7521", "5.2")
@pytest.mark.parametrize("fraction", [0, 0.5, 0.999])
def test_an_access_token_ends_with_the_token_that_proved_the_client(
    cast: Cast, workload: RelyingParty, cluster: TrustedIssuer, fraction: float
) -> None:
    new_credential(workload, cluster)
    exp = int(time.time()) + 120
    answer = sent(cast, exp=exp + fraction)
    assert answer.status == 200
    claims = answer.claims
    assert claims["exp"] == exp
    assert answer.json["expires_in"] == exp - claims["iat"] <= 120
    assert last_event().expires_at == datetime.fromtimestamp(exp, tz=UTC), "the record says it too"


@pytest.mark.contract("P7.11")
def test_the_cap_makes_no_token_live_longer(
    cast: Cast, workload: RelyingParty, cluster: TrustedIssuer
) -> None:
    new_credential(workload, cluster)
    workload.access_token_ttl = 60
    workload.checked().save()
    assert sent(cast, exp=int(time.time()) + 3600).json["expires_in"] == 60


@pytest.mark.contract("P7.11")
def test_without_the_cap_an_access_token_outlives_its_proof(
    cast: Cast, workload: RelyingParty, cluster: TrustedIssuer
) -> None:
    new_credential(workload, cluster, caps_token_lifetime=False)
    answer = sent(cast, exp=int(time.time()) + 3)
    assert answer.json["expires_in"] == cast.oidc_m2m.default_access_token_ttl
    assert answer.claims["exp"] - answer.claims["iat"] == cast.oidc_m2m.default_access_token_ttl


@pytest.mark.contract("P7.11", "P3.8")
def test_a_token_that_is_about_to_end_proves_nothing(
    cast: Cast, workload: RelyingParty, cluster: TrustedIssuer
) -> None:
    new_credential(workload, cluster)
    why = why_refused(of_cluster(cast, RS256, exp=time.time() + 4).made(), client_id="workload")
    assert why.startswith("It ends in ")
    assert why.endswith(" seconds, and an access token must not outlive it: send one that lives longer.")
    assert sent(cast, exp=time.time() + 30).status == 200


@pytest.mark.contract("P7.11")
def test_the_cap_is_that_of_the_credential_that_fits(
    cast: Cast, workload: RelyingParty, cluster: TrustedIssuer
) -> None:
    new_credential(workload, cluster, label="jobs", claims={"kind": "job"})
    new_credential(workload, cluster, label="pods", claims={"kind": "pod"}, caps_token_lifetime=False)
    exp = int(time.time()) + 100
    assert sent(cast, exp=exp, kind="job").claims["exp"] == exp
    assert sent(cast, exp=exp, kind="pod").claims["exp"] > exp


@pytest.mark.slow
@pytest.mark.contract("P7.11")
@pytest.mark.django_db(transaction=True)
def test_credentials_from_before_keep_their_lifetimes_and_new_ones_are_capped(cast: Cast) -> None:
    """Back to the tables of before, a credential made there, and forward again."""
    before, after = "0005_invariants_of_a_registration", "0006_limits_of_federated_credentials"
    newest = [
        node
        for node in MigrationExecutor(connection).loader.graph.leaf_nodes()
        if node[0] == "relying_parties"
    ]
    old = migrated(before)
    try:
        trusted = old.get_model("relying_parties", "TrustedIssuer").objects.create(
            issuer_id=cast.oidc_m2m.pk, name="old", issuer_url="https://old.example"
        )
        row = old.get_model("relying_parties", "FederatedCredential").objects.create(
            relying_party_id=cast.billing.pk, trusted_issuer_id=trusted.pk, label="old", subject="old"
        )
        migrated(after)
    finally:
        MigrationExecutor(connection).migrate(newest)
    kept = FederatedCredential.objects.get(pk=row.pk)
    assert (kept.caps_token_lifetime, kept.is_single_use) == (False, False)
    assert FederatedCredential().caps_token_lifetime


def migrated(name: str) -> Any:
    """The models as of that migration."""
    executor = MigrationExecutor(connection)
    return executor.migrate([("relying_parties", name)]).apps


# Single use


@pytest.mark.contract("P7.12")
@pytest.mark.spec("RFC 7523", "3")
def test_a_single_use_token_counts_once(cast: Cast, workload: RelyingParty, cluster: TrustedIssuer) -> None:
    credential = new_credential(workload, cluster, is_single_use=True)
    text = of_cluster(cast, RS256).made()
    assert send(text, client_id="workload").status == 200
    assert why_refused(text, client_id="workload") == USED
    assert last_event().credential == f"federated:{credential.pk}"
    used = UsedJti.objects.get()
    assert used.holder == f"trusted-issuer:{cluster.pk}"
    left = (used.expires_at - timezone.now()).total_seconds()
    assert 3600 < left <= 3660, "until it would be refused for its age"
    assert sent(cast).status == 200, "another token counts"


@pytest.mark.contract("P7.12")
@pytest.mark.parametrize("jti", [None, "", 7, ["a"]])
def test_a_single_use_token_needs_a_jti(
    cast: Cast, workload: RelyingParty, cluster: TrustedIssuer, jti: object
) -> None:
    new_credential(workload, cluster, is_single_use=True)
    draft = of_cluster(cast, RS256, jti=jti)
    text = claims_without("jti")(draft).made() if jti is None else draft.made()
    assert why_refused(text, client_id="workload") in {"Its jti is missing.", "Its jti is no text."}
    assert not UsedJti.objects.exists()


@pytest.mark.contract("P7.12")
def test_a_jti_counts_once_for_all_that_trust_its_issuer(
    cast: Cast, workload: RelyingParty, cluster: TrustedIssuer
) -> None:
    new_credential(workload, cluster, is_single_use=True)
    new_credential(new_workload(cast, client_id="second"), cluster, is_single_use=True)
    text = of_cluster(cast, RS256).made()
    assert send(text, client_id="workload").status == 200
    assert why_refused(text, client_id="second") == USED


@pytest.mark.contract("P7.12")
def test_two_trusted_issuers_may_make_the_same_jti(
    cast: Cast, workload: RelyingParty, cluster: TrustedIssuer
) -> None:
    ci = new_cluster(cast, name="ci", issuer_url="https://ci.example")
    for trusted in (cluster, ci):
        new_credential(workload, trusted, label=trusted.name, is_single_use=True)
    for trusted in (cluster, ci):
        assert sent(cast, jti="1", iss=trusted.issuer_url).status == 200


@pytest.mark.contract("P7.12")
def test_what_is_not_proven_uses_no_jti_of_a_trusted_issuer(
    cast: Cast, workload: RelyingParty, cluster: TrustedIssuer
) -> None:
    new_credential(workload, cluster, is_single_use=True, claims={"ref": "main"})
    good = of_cluster(cast, RS256, jti="1", ref="main")
    why_refused(
        of_cluster(cast, signer("RS256", "attackers"), jti="1", ref="main").made(), client_id="workload"
    )
    why_refused(of_cluster(cast, RS256, jti="1", ref="other").made(), client_id="workload")
    why_refused(of_cluster(cast, RS256, jti="1", ref="main", aud="x").made(), client_id="workload")
    why_refused(of_cluster(cast, RS256, jti="1", ref="main", exp=1).made(), client_id="workload")
    assert not UsedJti.objects.exists()
    assert send(good.made(), client_id="workload").status == 200


@pytest.mark.contract("P7.12")
def test_a_refused_request_uses_a_single_use_token_up(
    cast: Cast, workload: RelyingParty, cluster: TrustedIssuer
) -> None:
    new_credential(workload, cluster, is_single_use=True)
    text = of_cluster(cast, RS256).made()
    assert_refused(send(text, client_id="workload", scope="invoices.write"), 400, "invalid_scope")
    assert why_refused(text, client_id="workload") == USED
    assert last_event().auth_method == FEDERATED_JWT
