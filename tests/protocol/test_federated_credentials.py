"""P3.1, P7.3, P7.9: workloads that prove themselves by another issuer's token (federated_jwt)."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from issuance.models import UsedJti
from relying_parties.models import FederatedCredential, RelyingParty, TrustedIssuer
from relying_parties.secrets.credentials import add_generated_secret
from tests.support.assertions import (
    CLUSTER,
    SUBJECT,
    new_cluster,
    new_credential,
    new_robot,
    new_workload,
    not_proven,
    of_cluster,
    own,
    send,
    why_refused,
)
from tests.support.cast import Cast
from tests.support.forging import claims_without, encoded, header, header_without, signer
from tests.support.wire import ask, assert_refused, basic, events, last_event

RS256 = signer("RS256")
OTHER = "https://ci.example"
NOT_PINNED = "Its claim {} is missing or not as the federated credential pins it."


@pytest.fixture
def cluster(cast: Cast) -> TrustedIssuer:
    return new_cluster(cast)


@pytest.fixture
def workload(cast: Cast) -> RelyingParty:
    return new_workload(cast)


@pytest.fixture
def credential(workload: RelyingParty, cluster: TrustedIssuer) -> FederatedCredential:
    return new_credential(workload, cluster)


def why(cast: Cast, **claims: Any) -> str:
    return why_refused(of_cluster(cast, RS256, **claims).made(), client_id="workload")


def proves(cast: Cast, **claims: Any) -> bool:
    answer = send(of_cluster(cast, RS256, **claims).made(), client_id="workload")
    assert answer.status in {200, 401}
    return answer.status == 200


@pytest.mark.contract("P7.9", "P7.6")
def test_a_service_accounts_token_is_good_until_it_ends(cast: Cast, credential: FederatedCredential) -> None:
    text = of_cluster(cast, RS256).made()
    jtis = {send(text, client_id="workload").claims["jti"] for _ in range(100)}
    assert len(jtis) == 100
    assert not UsedJti.objects.exists()
    event = last_event()
    assert (event.auth_method, event.credential) == ("federated_jwt", f"federated:{credential.pk}")


@pytest.mark.contract("P7.5", "P7.6")
def test_a_token_of_that_shape_by_the_client_itself_is_short_and_counts_once(cast: Cast) -> None:
    new_robot(cast)
    shaped = {**of_cluster(cast, RS256).claims, "iss": "robot", "sub": "robot"}
    assert (
        why_refused(own(cast, RS256, **shaped).made()) == "It ends in more than 600 seconds: make it shorter."
    )
    text = own(cast, RS256, **(shaped | {"exp": int(time.time()) + 600})).made()
    assert [send(text).status for _ in range(3)] == [200, 401, 401]


@pytest.mark.contract("P7.9")
def test_the_client_must_be_named(cast: Cast, credential: FederatedCredential) -> None:
    """Without the parameter `sub` would name it; a relying party of that name is not meant."""
    text = of_cluster(cast, RS256).made()
    assert why_refused(text) == "No such client at this issuer."
    new_credential(new_workload(cast, client_id=SUBJECT), credential.trusted_issuer)
    assert why_refused(text) == (
        "The parameter client_id is missing: a trusted issuer's token does not name it."
    )
    assert send(text, client_id=SUBJECT).claims["client_id"] == SUBJECT


@pytest.mark.contract("P3.1", "P3.2", "P3.7")
def test_no_secret_proves_it(cast: Cast, credential: FederatedCredential) -> None:
    secret = add_generated_secret(relying_party=credential.relying_party)[1]
    for parameters in ({}, {"client_secret": ""}, {"client_secret": secret}, {"client_assertion": ""}):
        assert ask({"client_id": "workload", **parameters}).without_its_own == not_proven()
    assert ask(auth=basic("workload", secret)).without_its_own == not_proven()
    text = of_cluster(cast, RS256).made()
    assert_refused(send(text, client_id="workload", client_secret=secret), 400, "invalid_request")


@pytest.mark.contract("P7.9")
def test_without_a_credential_no_token_proves_it(
    cast: Cast, workload: RelyingParty, cluster: TrustedIssuer
) -> None:
    assert why(cast) == (f"Its iss is {CLUSTER}; no federated credential of the client is for that one.")


@pytest.mark.contract("P7.9")
@pytest.mark.spec("RFC 7523", "3")
@pytest.mark.parametrize(
    "iss", [CLUSTER + "/", CLUSTER.upper(), CLUSTER.removeprefix("https:"), "http" + CLUSTER[5:], CLUSTER + "/.", OTHER]
)  # fmt: skip
def test_iss_counts_to_the_letter(cast: Cast, credential: FederatedCredential, iss: str) -> None:
    assert why(cast, iss=iss).startswith(f"Its iss is {iss};")


@pytest.mark.contract("P7.9")
def test_each_trusted_issuer_signs_for_itself(cast: Cast, credential: FederatedCredential) -> None:
    others = signer("RS256", "ci")
    ci = new_cluster(cast, others, name="ci", issuer_url=OTHER)
    new_credential(credential.relying_party, ci, subject="repo:shop:ref:main")
    good = of_cluster(cast, others, iss=OTHER, sub="repo:shop:ref:main")
    assert send(good.made(), client_id="workload").status == 200
    assert (
        why_refused(of_cluster(cast, others).made(), client_id="workload")
        == "No registered key has this kid."
    )
    unnamed = header_without("kid")(of_cluster(cast, others))
    assert why_refused(unnamed.made(), client_id="workload") == "Its signature is not by the key."
    assert why(cast, iss=OTHER) == (
        f"Its sub is {SUBJECT}; no federated credential of the client is for that one."
    )


@pytest.mark.contract("P7.9")
def test_a_trusted_issuer_that_is_switched_off_proves_nobody_at_once(
    cast: Cast, credential: FederatedCredential
) -> None:
    text = of_cluster(cast, RS256).made()
    assert send(text, client_id="workload").status == 200
    credential.trusted_issuer.is_active = False
    credential.trusted_issuer.checked().save()
    assert why_refused(text, client_id="workload") == "The trusted issuer cluster is not active."


@pytest.mark.contract("P7.9")
def test_another_relying_partys_credential_counts_for_that_one(
    cast: Cast, credential: FederatedCredential
) -> None:
    new_credential(new_workload(cast, client_id="second"), credential.trusted_issuer, subject=SUBJECT + "2")
    assert why_refused(of_cluster(cast, RS256).made(), client_id="second").startswith(
        f"Its sub is {SUBJECT};"
    )
    why_refused(of_cluster(cast, RS256).made(), client_id="billing")
    why_refused(of_cluster(cast, RS256).made(), client_id="nobody")


@pytest.mark.contract("P7.9")
def test_the_audience_may_be_one_of_its_own(cast: Cast, workload: RelyingParty) -> None:
    new_credential(workload, new_cluster(cast, audience="api://m2m"))
    for aud in ("api://m2m", ["api://m2m"]):
        assert proves(cast, aud=aud)
    for aud in (
        cast.oidc_m2m.url,
        ["api://m2m", cast.oidc_m2m.url],
        ["api://m2m", "api://m2m"],
        "api://m2m/",
    ):
        assert why(cast, aud=aud) == "Its aud must be api://m2m and nothing else."


@pytest.mark.contract("P7.9")
def test_its_longest_life_is_the_trusted_issuers(cast: Cast, workload: RelyingParty) -> None:
    new_credential(workload, new_cluster(cast, max_assertion_lifetime=3600))
    now = time.time()
    assert proves(cast, exp=now + 3650)
    assert why(cast, exp=now + 3670) == "It ends in more than 3600 seconds: make it shorter."


PATTERN = r"system:serviceaccount:prod:(billing|reports)-[0-9]+"


@pytest.mark.contract("P7.9")
@pytest.mark.parametrize(
    ("sub", "fits"),
    [
        ("system:serviceaccount:prod:billing-1", True),
        ("system:serviceaccount:prod:reports-22", True),
        ("system:serviceaccount:prod:billing-1x", False),
        ("xsystem:serviceaccount:prod:billing-1", False),
        ("system:serviceaccount:prod:billing-1\n", False),
        ("\nsystem:serviceaccount:prod:billing-1", False),
        ("a\nsystem:serviceaccount:prod:billing-1\nb", False),
        ("system:serviceaccount:prod:billing-", False),
        ("system:serviceaccount:prod:admin|system:serviceaccount:prod:billing-1", False),
        ("system:serviceaccount:prod:billing-1\0", False),
        ("SYSTEM:serviceaccount:prod:billing-1", False),
        ("system:serviceaccount:prod:billing-\u0661", False),
        (PATTERN, False),
    ],
)
def test_a_pattern_matches_the_whole_subject(
    cast: Cast,
    workload: RelyingParty,
    cluster: TrustedIssuer,
    sub: str,
    fits: bool,  # noqa: FBT001
) -> None:
    new_credential(workload, cluster, subject=PATTERN, subject_is_pattern=True)
    assert proves(cast, sub=sub) == fits


@pytest.mark.contract("P7.9")
def test_alternatives_are_anchored_as_one(cast: Cast, workload: RelyingParty, cluster: TrustedIssuer) -> None:
    new_credential(workload, cluster, subject="repo:a:main|repo:b:main", subject_is_pattern=True)
    assert proves(cast, sub="repo:a:main")
    assert proves(cast, sub="repo:b:main")
    for sub in ("repo:a:main-evil", "evil-repo:b:main"):
        assert not proves(cast, sub=sub)


@pytest.mark.contract("P7.9")
def test_an_exact_subject_is_no_pattern(cast: Cast, workload: RelyingParty, cluster: TrustedIssuer) -> None:
    new_credential(workload, cluster, subject="repo:.*")
    assert not proves(cast, sub="repo:shop")
    assert proves(cast, sub="repo:.*")


PINS: dict[str, Any] = {
    "repository_owner_id": "123",
    "run": 7,
    "protected": True,
    "nothing": None,
    "groups": ["a", "b"],
    "flags": [1, [2]],
    "kubernetes.io": {"namespace": "prod", "serviceaccount": {"name": "billing"}},
}
GOOD: dict[str, Any] = PINS | {
    "kubernetes.io": {
        "namespace": "prod",
        "pod": {"name": "billing-5d4f"},
        "serviceaccount": {"name": "billing", "uid": "14ee3fa4"},
    }
}
WRONG: dict[str, tuple[Any, ...]] = {
    "repository_owner_id": ("124", 123, "", None, ["123"], {"123": "123"}, "1234", "12"),
    "run": (8, "7", True, None, [7], 7.5),
    "protected": (False, 1, "true", None, [True]),
    "nothing": (0, "", False, [], {}),
    "groups": (["a"], ["a", "b", "c"], ["b", "a"], "a", [], None, {"a": "b"}),
    "flags": ([True, [2]], [1, [2, 3]], [1, 2], [1]),
    "kubernetes.io": (
        None, "prod", [], {}, {"namespace": "prod"}, {"namespace": "prod", "serviceaccount": None},
        {"namespace": "test", "serviceaccount": {"name": "billing"}},
        {"namespace": "prod", "serviceaccount": {"name": "other"}},
        {"namespace": "prod", "serviceaccount": {"uid": "billing"}},
        {"namespace": "prod", "serviceaccount": "billing"},
        [{"namespace": "prod", "serviceaccount": {"name": "billing"}}],
    ),
}  # fmt: skip


@pytest.mark.contract("P7.9")
@pytest.mark.parametrize("name", PINS)
def test_each_pinned_claim_must_be_there_and_be_so(
    cast: Cast, workload: RelyingParty, cluster: TrustedIssuer, name: str
) -> None:
    new_credential(workload, cluster, claims=PINS)
    assert proves(cast, **GOOD)
    assert proves(cast, **GOOD, further="claims")
    missing = claims_without(name)(of_cluster(cast, RS256, **GOOD))
    assert why_refused(missing.made(), client_id="workload") == NOT_PINNED.format(name)
    for value in WRONG[name]:
        assert why(cast, **(GOOD | {name: value})) == NOT_PINNED.format(name), value


@pytest.mark.contract("P7.9")
def test_of_several_credentials_one_must_fit_whole(
    cast: Cast, workload: RelyingParty, cluster: TrustedIssuer
) -> None:
    new_credential(workload, cluster, label="main", claims={"ref": "main", "env": "prod"})
    second = new_credential(workload, cluster, label="tags", claims={"ref": "tag"})
    assert proves(cast, ref="tag")
    assert last_event().credential == f"federated:{second.pk}"
    assert proves(cast, ref="main", env="prod")
    assert why(cast, ref="main", env="test") == NOT_PINNED.format("ref")


@pytest.mark.contract("P7.3", "P7.9")
def test_no_token_of_this_server_is_ever_trusted(cast: Cast, credential: FederatedCredential) -> None:
    for typ in ("at+jwt", "JWT"):
        cast.seed_template.headers = {"typ": typ}
        cast.seed_template.checked().save()
        token = ask(cast.in_body("reports")).json["access_token"]
        assert why_refused(token, client_id="workload") == (
            f"Its iss is {cast.oidc_m2m.url}; no federated credential of the client is for that one."
            if typ == "JWT"
            else "Its typ is missing or that of another kind of token."
        )


@pytest.mark.contract("P7.2")
def test_a_kid_of_a_registered_client_is_no_kid_of_the_cluster(cast: Cast, workload: RelyingParty) -> None:
    new_robot(cast)
    new_credential(workload, new_cluster(cast, signer("RS256", "clusters")))
    forged = header(kid="rs256")(of_cluster(cast, RS256))
    assert why_refused(forged.made(), client_id="workload") == "No registered key has this kid."


@pytest.mark.contract("P3.8", "P7.9")
def test_its_refusals_are_one_answer(cast: Cast, credential: FederatedCredential) -> None:
    whys: list[str] = []
    attempts: list[Callable[[], str]] = [
        lambda: why(cast, iss=OTHER),
        lambda: why(cast, sub="x"),
        lambda: why(cast, aud="x"),
        lambda: why(cast, exp=1),
        lambda: why_refused(of_cluster(cast, signer("RS256", "attackers")).made(), client_id="workload"),
        lambda: why_refused(of_cluster(cast, RS256).made(), client_id="nobody"),
        lambda: why_refused(of_cluster(cast, RS256).made(), client_id="stranger"),
        lambda: why_refused(encoded(b"{}") + ".x.y", client_id="workload"),
    ]
    whys += [attempt() for attempt in attempts]
    assert len(set(whys)) == len(whys) - 1, "only the two clients that are not here have one reason"
    assert {event.error for event in events()} == {"invalid_client"}
