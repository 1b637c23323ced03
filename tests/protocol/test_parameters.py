"""P2.5 to P2.7, P2.12: parameters that repeat, that nobody knows, that are empty; and the good answer."""

import pytest

from relying_parties.models import AccessGrant, ClaimTemplate, RelyingParty, RequestRule
from tests.support.cast import Cast
from tests.support.wire import ask, assert_refused

ONCE = (
    "grant_type",
    "scope",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "audience",
)


@pytest.mark.contract("P2.5")
@pytest.mark.spec("RFC 6749", "3.2")
@pytest.mark.parametrize("values", [("x", "x"), ("x", "y"), ("", "x"), ("x", ""), ("", "")])
@pytest.mark.parametrize("parameter", ONCE)
def test_it_refuses_a_parameter_that_stands_twice(
    cast: Cast, parameter: str, values: tuple[str, str]
) -> None:
    good = {"grant_type": "client_credentials", **cast.in_body("reports")}
    pairs = [(name, value) for name, value in good.items() if name != parameter]
    pairs += [(parameter, value) for value in values]
    assert_refused(ask(pairs, grant_type=None), 400, "invalid_request")


@pytest.mark.contract("P2.5")
def test_it_refuses_a_right_secret_that_stands_twice(cast: Cast) -> None:
    pairs = [*cast.in_body("reports").items(), ("client_secret", cast.secrets["reports"])]
    assert_refused(ask(pairs), 400, "invalid_request")


@pytest.mark.contract("P2.5")
@pytest.mark.spec("RFC 8707", "2")
def test_resource_may_repeat(cast: Cast) -> None:
    resources = [("resource", "https://invoices.example"), ("resource", "your_application")] * 2
    answer = ask([*resources, ("scope", "invoices.read")], auth=cast.basic("billing"))
    assert answer.claims["aud"] == ["https://invoices.example", "your_application"]


@pytest.mark.contract("P2.6")
@pytest.mark.spec("RFC 6749", "3.2")
def test_it_ignores_an_unknown_parameter(cast: Cast) -> None:
    plain = ask(auth=cast.basic("billing"))
    for pairs in (
        [("tenant", "a")],
        [("tenant", "a"), ("tenant", "b")],
        [("", "a")],
        [("Scope", "nonsense")],
    ):
        answer = ask(pairs, auth=cast.basic("billing"))
        assert answer.status == 200
        assert {**answer.json, "access_token": ""} == {**plain.json, "access_token": ""}


@pytest.mark.contract("P2.6", "P4.6")
def test_a_parameter_that_a_rule_reads_may_not_repeat(cast: Cast) -> None:
    rule = RequestRule(
        relying_party=cast.billing, parameter="tenant", regex="a|b", message="tenant is a or b."
    )
    rule.checked().save()
    assert ask({"tenant": "a"}, auth=cast.basic("billing")).status == 200
    for pairs in ([("tenant", "a"), ("tenant", "b")], [("tenant", "a"), ("tenant", "a")]):
        assert_refused(ask(pairs, auth=cast.basic("billing")), 400, "invalid_request")


@pytest.mark.contract("P2.6")
def test_a_parameter_that_a_template_reads_may_not_repeat(cast: Cast) -> None:
    template = ClaimTemplate(name="tenant", claims={"tenant": "${request.param_tenant}"})
    template.checked().save()
    cast.billing.claim_template = template
    cast.billing.save()
    answer = ask({"tenant": "a"}, auth=cast.basic("billing"))
    assert answer.claims["tenant"] == "a"
    twice = ask([("tenant", "a"), ("tenant", "a")], auth=cast.basic("billing"))
    assert_refused(twice, 400, "invalid_request")
    assert_refused(ask(auth=cast.basic("billing")), 400, "invalid_request")


@pytest.mark.contract("P2.7")
@pytest.mark.spec("RFC 6749", "3.2")
@pytest.mark.parametrize(
    "body", ["scope=", "scope", "resource=&scope=", "audience=", "client_id=", "resource=&resource="]
)
def test_a_parameter_without_value_is_not_there(cast: Cast, body: str) -> None:
    plain = ask(auth=cast.basic("billing"))
    answer = ask(f"grant_type=client_credentials&{body}".encode(), auth=cast.basic("billing"))
    assert {**answer.json, "access_token": ""} == {**plain.json, "access_token": ""}
    assert answer.claims["aud"] == plain.claims["aud"]


@pytest.mark.contract("P2.12", "P1.1")
@pytest.mark.spec("RFC 6749", "5.1")
def test_a_token_answer_has_four_members(cast: Cast) -> None:
    answer = ask(auth=cast.basic("billing"))
    assert answer.json == {
        "access_token": answer.json["access_token"],
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": "invoices.read invoices.write",
    }
    assert type(answer.json["expires_in"]) is int
    assert answer.json["access_token"].count(".") == 2


@pytest.mark.contract("P2.12")
@pytest.mark.spec("RFC 6749", "5.1")
def test_scope_is_left_out_where_none_was_granted(cast: Cast) -> None:
    AccessGrant.objects.filter(relying_party=cast.billing, is_default=True).update(scopes=[])
    answer = ask(auth=cast.basic("billing"))
    assert answer.json.keys() == {"access_token", "token_type", "expires_in"}
    assert "scope" not in answer.claims


@pytest.mark.contract("P2.12")
@pytest.mark.spec("RFC 7519", "4.1.7")
def test_a_jti_has_128_random_bits_and_never_returns(cast: Cast) -> None:
    jtis = [ask(auth=cast.basic("billing")).claims["jti"] for _ in range(50)]
    assert len(set(jtis)) == 50
    # base64url carries 6 bits a character. The first 8 are the time; a counter would leave others alike.
    assert all((len(jti) - 8) * 6 >= 128 for jti in jtis)
    alike = [position for position in range(8, len(jtis[0])) if len({jti[position] for jti in jtis}) < 8]
    assert alike == []


@pytest.mark.contract("P2.12")
def test_the_relying_party_sets_the_life_of_its_tokens(cast: Cast) -> None:
    RelyingParty.objects.filter(pk=cast.billing.pk).update(access_token_ttl=61)
    answer = ask(auth=cast.basic("billing"))
    assert answer.json["expires_in"] == 61 == answer.claims["exp"] - answer.claims["iat"]
