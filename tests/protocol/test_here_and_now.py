"""P4.6: from where, when, with which parameters; and what happens when nothing can sign."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from issuers.models import Issuer
from keys.models import SigningKey
from relying_parties.models import RelyingParty, RequestRule
from tests.support.cast import Cast
from tests.support.wire import ask, assert_refused, get


@pytest.mark.contract("P4.6")
@pytest.mark.spec("RFC 6749", "5.2")
@pytest.mark.parametrize("peer", ["10.1.2.3", "2001:db8::7", "192.0.2.7"])
def test_inside_the_allowed_networks_it_issues(cast: Cast, peer: str) -> None:
    cast.billing.allowed_networks = ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"]
    cast.billing.checked().save()
    assert ask(auth=cast.basic("billing"), peer=peer).status == 200


@pytest.mark.contract("P4.6")
@pytest.mark.parametrize("peer", ["11.1.2.3", "2001:db9::7", "192.0.2.8", "::1", ""])
def test_outside_the_allowed_networks_it_refuses(cast: Cast, peer: str) -> None:
    cast.billing.allowed_networks = ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"]
    cast.billing.checked().save()
    assert_refused(ask(auth=cast.basic("billing"), peer=peer), 400, "unauthorized_client")


@pytest.mark.contract("P4.6")
@pytest.mark.parametrize(
    ("begins", "ends", "status"),
    [
        (-2, None, 200),
        (None, 2, 200),
        (-2, 2, 200),
        (1, None, 400),
        (None, -1, 400),
        (-2, -1, 400),
        (1, 2, 400),
    ],
)
def test_it_issues_only_while_the_client_is_valid(
    cast: Cast, begins: int | None, ends: int | None, status: int
) -> None:
    now = timezone.now()
    cast.billing.valid_from = now + timedelta(minutes=begins) if begins is not None else None
    cast.billing.valid_until = now + timedelta(minutes=ends) if ends is not None else None
    cast.billing.checked().save()
    answer = ask(auth=cast.basic("billing"))
    assert answer.status == status
    if status == 400:
        assert_refused(answer, 400, "unauthorized_client")


@pytest.mark.contract("P4.6")
def test_a_client_outside_its_networks_must_still_prove_itself(cast: Cast) -> None:
    RelyingParty.objects.filter(pk=cast.billing.pk).update(allowed_networks=["10.0.0.0/8"])
    assert_refused(ask(auth="Basic YmlsbGluZzp3cm9uZw=="), 401, "invalid_client")


@pytest.mark.contract("P4.6")
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("eu-1", 200),
        ("eu-22", 200),
        ("eu-", 400),
        ("xeu-1", 400),
        ("eu-1x", 400),
        ("eu-1\n", 400),
        ("", 400),
        (None, 400),
    ],
)
def test_a_rule_is_met_by_the_whole_value_or_refused_in_its_own_words(
    cast: Cast, sent: str | None, status: int
) -> None:
    rule = RequestRule(
        relying_party=cast.billing, parameter="region", regex=r"eu-\d+", message="region is eu-NUMBER."
    )
    rule.checked().save()
    answer = ask({} if sent is None else {"region": sent}, auth=cast.basic("billing"))
    assert answer.status == status
    if status == 400:
        assert_refused(answer, 400, "invalid_request")
        assert answer.json["error_description"] == "region is eu-NUMBER."


@pytest.mark.contract("P4.6", "P10.6")
def test_an_operators_expression_cannot_hang_a_worker(cast: Cast) -> None:
    rule = RequestRule(relying_party=cast.billing, parameter="x", regex="(a+)+(a+)+$", message="x is a.")
    rule.checked().save()
    started = time.perf_counter()
    assert_refused(ask({"x": 50_000 * "a" + "!"}, auth=cast.basic("billing")), 400, "invalid_request")
    assert time.perf_counter() - started < 1


@pytest.mark.contract("P4.6", "P1.1", "P1.2")
def test_without_an_active_key_it_is_unavailable(cast: Cast) -> None:
    SigningKey.objects.filter(pk=cast.key.pk).update(revoked_at=timezone.now())
    answer = ask(auth=cast.basic("billing"))
    assert_refused(answer, 503, "temporarily_unavailable")
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.contract("P4.6", "P1.1")
def test_a_key_that_does_not_open_makes_it_unavailable(cast: Cast) -> None:
    Issuer.objects.filter(pk=cast.other.pk).update(path="moved")
    SigningKey.objects.filter(pk=cast.other_key.pk).update(kid="another", kek_id="gone")
    answer = ask(auth=cast.basic("stranger"), target="/moved/token")
    event = assert_refused(answer, 503, "temporarily_unavailable")
    assert "KEY_ENCRYPTION_KEYS" in event.detail


@pytest.mark.contract("P1.3", "P6.1")
def test_an_inactive_issuer_issues_nothing_and_keeps_its_jwks(cast: Cast) -> None:
    cast.oidc_m2m.is_active = False
    cast.oidc_m2m.save()
    assert ask(auth=cast.basic("billing")).status == 404
    assert get("/oidc_m2m/.well-known/openid-configuration").status == 404
    assert [key["kid"] for key in get("/oidc_m2m/jwks").json["keys"]] == [cast.key.kid]
