"""relying_parties, issuance/outlook (consistency.py): what does not fit together is named, for all whom it breaks."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from issuance.outlook.consistency import MAX_PROBLEMS, refuse_incoherent
from issuers.models import GlobalVariable
from keys.lifecycle.creation import create_first_key
from keys.models import SigningKey
from relying_parties.consistency import MAX_SUBJECT_LENGTH, problems_of, reached_by
from relying_parties.models import AccessGrant, ClientSecret, RelyingParty, RequestRule
from tests.support.cast import Cast, new_relying_party


def template_problems(cast: Cast, claims: dict[str, Any], headers: dict[str, Any] | None = None) -> list[str]:
    cast.seed_template.claims, cast.seed_template.headers = claims, headers or {}
    cast.seed_template.checked().save()
    return problems_of(RelyingParty.objects.get(pk=cast.reports.pk))


def test_the_cast_fits_together(cast: Cast) -> None:
    assert [problems_of(relying_party) for relying_party in RelyingParty.objects.all()] == [[]] * 4


def test_a_method_that_is_off_is_named(cast: Cast) -> None:
    cast.oidc_m2m.token_endpoint_auth_methods = ["client_secret_post"]
    cast.oidc_m2m.save()
    billing = RelyingParty.objects.get(client_id="billing")
    assert problems_of(billing) == [
        "its method client_secret_basic is off at M2M, where these are on: client_secret_post."
    ]
    assert problems_of(RelyingParty.objects.get(client_id="reports")) == []


@pytest.mark.contract("P8.3")
def test_dpop_is_not_required_where_it_is_off(cast: Cast) -> None:
    cast.billing.dpop_bound_access_tokens = True
    with pytest.raises(ValidationError) as refused:
        cast.billing.full_clean()
    assert refused.value.message_dict == {
        "dpop_bound_access_tokens": [
            "It requires DPoP, which is off at M2M: turn on accepts_dpop there, or require it no longer."
        ]
    }
    cast.billing.issuer.accepts_dpop = True
    cast.billing.full_clean()


@pytest.mark.contract("P8.3")
def test_dpop_is_not_turned_off_while_it_is_required(cast: Cast) -> None:
    RelyingParty.objects.filter(client_id="billing").update(dpop_bound_access_tokens=True)
    with pytest.raises(ValidationError) as refused:
        refuse_incoherent([cast.oidc_m2m], now=timezone.now())
    assert refused.value.messages == [
        "billing: it requires DPoP, which is off at M2M: turn on accepts_dpop there, or require it no longer."
    ]
    cast.oidc_m2m.accepts_dpop = True
    cast.oidc_m2m.save()
    refuse_incoherent([cast.oidc_m2m], now=timezone.now())


def test_a_ttl_beyond_the_issuers_is_named(cast: Cast) -> None:
    cast.reports.access_token_ttl = 86_401
    assert problems_of(cast.reports) == [
        "its TTL of 86401 seconds is more than the issuer's greatest, 86400."
    ]


def test_a_grant_of_scopes_that_are_gone_is_named(cast: Cast) -> None:
    cast.rabbitmq.scopes = []
    cast.rabbitmq.save()
    assert problems_of(cast.billing) == [
        "its grant for rabbitmq has scopes not known there: rabbitmq.read:*/*."
    ]


def test_a_grant_at_another_issuer_is_named(cast: Cast) -> None:
    AccessGrant(relying_party=cast.stranger, resource_server=cast.rabbitmq).save()
    assert problems_of(cast.stranger) == ["its grant for rabbitmq is for another issuer's API."]


def test_a_global_that_is_not_defined_is_named(cast: Cast) -> None:
    missing = "its claim template seed uses ${globals.gone}, which is not defined for this issuer."
    assert template_problems(cast, {"x": ["a ${globals.gone}"]}) == [missing]
    assert template_problems(cast, {}, {"x": "${globals.gone}"}) == [missing]
    GlobalVariable(issuer=cast.other, name="gone", value=1).save()
    assert template_problems(cast, {"x": "${globals.gone}"}) == [missing]
    GlobalVariable(name="gone", value=1).save()
    assert template_problems(cast, {"x": "${globals.gone}"}) == []


def test_an_issuers_own_variable_wins(cast: Cast) -> None:
    GlobalVariable(name="region", value=["shared"]).save()
    assert template_problems(cast, {"sub": "${globals.region}"}) == []
    GlobalVariable.objects.filter(issuer=cast.oidc_m2m).delete()
    assert len(template_problems(cast, {"sub": "${globals.region}"})) == 1


def test_a_request_parameter_is_no_problem_before_the_request(cast: Cast) -> None:
    assert template_problems(cast, {"x": "${request.param_env}"}, {"y": "${request.param_y|z}"}) == []


@pytest.mark.parametrize(
    "iss", ["https://elsewhere.example", "${issuer.url}/", "", 1, None, ["${issuer.url}"]]
)
def test_iss_is_the_issuers_own_url(cast: Cast, iss: Any) -> None:
    (problem,) = template_problems(cast, {"iss": iss})
    assert problem.startswith(f"iss in its claim template must be the issuer's own URL, {cast.oidc_m2m.url}")
    assert template_problems(cast, {"iss": "${issuer.url}"}) == []
    assert template_problems(cast, {"iss": cast.oidc_m2m.url}) == []


@pytest.mark.parametrize(
    "sub", ["", 1, None, [], {"a": 1}, "x" * (MAX_SUBJECT_LENGTH + 1), "${client.description}"]
)
def test_sub_is_a_short_text(cast: Cast, sub: Any) -> None:
    assert template_problems(cast, {"sub": sub}) == [
        f"sub in its claim template must be a text of 1 to {MAX_SUBJECT_LENGTH} characters."
    ]
    assert template_problems(cast, {"sub": "x" * MAX_SUBJECT_LENGTH}) == []


@pytest.mark.parametrize("aud", [1, None, [], {}, [1], ["your_application", None], True])
def test_aud_is_a_text_or_several(cast: Cast, aud: Any) -> None:
    assert template_problems(cast, {"aud": aud}) == [
        "aud in its claim template must be a text or a list of texts."
    ]


def test_aud_is_one_that_a_grant_allows(cast: Cast) -> None:
    ungranted = (
        "aud in its claim template is rabbitmq, for which it has no access grant: add one, or change aud."
    )
    assert template_problems(cast, {"aud": "rabbitmq"}) == [ungranted]
    assert template_problems(cast, {"aud": ["your_application", "rabbitmq"]}) == [ungranted]
    assert template_problems(cast, {"aud": ["your_application"]}) == []
    assert template_problems(cast, {"aud": "${grant.audience}"}) == []


def test_every_problem_is_named_at_once(cast: Cast) -> None:
    cast.reports.access_token_ttl = 86_401
    cast.reports.save()
    assert len(template_problems(cast, {"iss": "x", "sub": 1, "aud": "rabbitmq"})) == 4


def test_a_change_reaches_all_whom_it_can_break(cast: Cast) -> None:
    def reached(row: models.Model) -> set[str]:
        return {relying_party.client_id for relying_party in reached_by(row)}

    region = GlobalVariable.objects.get()
    assert reached(cast.billing) == reached(cast.billing.grants.all()[0]) == {"billing"}
    assert reached(ClientSecret.objects.get(relying_party=cast.billing)) == {"billing"}
    assert reached(RequestRule(relying_party=cast.billing)) == {"billing"}
    assert reached(cast.seed_template) == reached(region) == {"reports"}
    assert reached(cast.invoices) == {"billing", "retired"}
    assert reached(cast.oidc_m2m) == {"billing", "reports", "retired"}
    assert reached(GlobalVariable(issuer=cast.other)) == set()
    assert reached(GlobalVariable()) == {"reports"}
    assert reached(cast.key) == set()


def refusal(*changed: models.Model) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        refuse_incoherent(changed, now=timezone.now())
    return caught.value.messages


def test_an_algorithm_without_an_active_key_is_refused(cast: Cast) -> None:
    cast.billing.signing_alg = "ES384"
    cast.billing.save()
    no_key = "billing: M2M has no active ES384 key. Create one first: manage.py create_key oidc_m2m ES384"
    assert refusal(cast.billing) == refusal(cast.oidc_m2m) == [no_key]
    create_first_key(issuer=cast.oidc_m2m, alg="ES384", now=timezone.now())
    refuse_incoherent([cast.billing, cast.oidc_m2m], now=timezone.now())
    SigningKey.objects.filter(alg="ES384").update(revoked_at=timezone.now())
    assert refusal(cast.billing) == [no_key]


def test_an_issuer_is_held_to_an_algorithm_that_can_sign(cast: Cast) -> None:
    cast.oidc_m2m.signing_alg = "PS256"
    no_key = "M2M has no active PS256 key. Create one first: manage.py create_key oidc_m2m PS256"
    assert refusal(cast.oidc_m2m) == [no_key]


def test_a_long_list_of_problems_is_cut(cast: Cast) -> None:
    for number in range(MAX_PROBLEMS + 3):
        party = new_relying_party(cast.oidc_m2m, f"party-{number}")
        party.signing_alg = "ES384"
        party.save()
    messages = refusal(cast.oidc_m2m)
    assert (len(messages), messages[-1]) == (MAX_PROBLEMS + 1, "And 3 more.")
