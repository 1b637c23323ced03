"""Each preset takes a token of its platform, and refuses one in which anything that it pins is another or missing."""

import copy
from typing import Any

import pytest
from django.utils import timezone

from console.federation.credentials import add_from_preset
from formats.patterns import compiled_pattern
from issuance.client_auth.client_assertion import JWT_BEARER
from issuers.models import TokenEndpointAuthMethod
from relying_parties.federation.pipeline_presets import BUILDKITE, CIRCLECI
from relying_parties.federation.preset import answer_problems, filled
from relying_parties.federation.presets import KUBERNETES, PRESETS
from relying_parties.models import TrustedIssuer
from tests.support.cast import Cast
from tests.support.platforms import PLATFORMS, TENANT, Platform, jwks, token_of
from tests.support.wire import Answer, ask, assert_refused, last_event

pytestmark = [pytest.mark.contract("P7.9"), pytest.mark.spec("RFC 7523", "3")]

IDENTITY = ("iss", "sub", "aud")
"""What every federated credential holds to, whatever it pins beside."""


def federated(cast: Cast, platform: Platform) -> None:
    """`billing` proves itself by the platform's tokens from now on."""
    method = TokenEndpointAuthMethod.FEDERATED_JWT
    cast.oidc_m2m.token_endpoint_auth_methods += [method]
    cast.oidc_m2m.checked().save()
    cast.billing.token_endpoint_auth_method = method
    cast.billing.issuer = cast.oidc_m2m
    cast.billing.checked().save()
    answers = {part.name: platform.answers[part.name] for part in platform.preset.parts}
    assert answer_problems(platform.preset, answers) == {}
    add_from_preset(
        cast.billing,
        filled(platform.preset, answers, jwks=jwks()),
        issuer_name=platform.preset.issuer_name,
        label=platform.preset.slug,
        now=timezone.now(),
    )


def send(token: str) -> Answer:
    return ask({"client_id": "billing", "client_assertion_type": JWT_BEARER, "client_assertion": token})


CASES = [
    pytest.param(platform, tuple(path.split(" > ")), id=f"{platform}: {path}")
    for platform in PLATFORMS
    for path in (*IDENTITY, *platform.pinned)
]


def test_every_preset_is_tried() -> None:
    assert [platform.preset for platform in PLATFORMS] == list(PRESETS)


@pytest.mark.parametrize("platform", PLATFORMS, ids=str)
def test_a_token_of_the_platform_proves_the_workload(cast: Cast, platform: Platform) -> None:
    federated(cast, platform)
    answer = send(token_of(platform))
    assert (answer.status, answer.claims["sub"]) == (200, "billing")
    credential = cast.billing.federated_credentials.get()
    assert last_event().credential == f"federated:{credential.pk}"


@pytest.mark.parametrize(("platform", "path"), CASES)
def test_a_token_with_another_value_is_refused(cast: Cast, platform: Platform, path: tuple[str, ...]) -> None:
    federated(cast, platform)
    claims = copy.deepcopy(dict(platform.claims))
    holder = _holder(claims, path)
    holder[path[-1]] = _another(holder[path[-1]], is_open_ended=platform.preset.subject_is_pattern)
    event = assert_refused(send(token_of(platform, claims)), 401, "invalid_client")
    assert path[0] in event.detail


@pytest.mark.parametrize(("platform", "path"), CASES)
def test_a_token_without_it_is_refused(cast: Cast, platform: Platform, path: tuple[str, ...]) -> None:
    federated(cast, platform)
    claims = copy.deepcopy(dict(platform.claims))
    del _holder(claims, path)[path[-1]]
    event = assert_refused(send(token_of(platform, claims)), 401, "invalid_client")
    assert path[0] in event.detail


def test_a_token_that_lives_longer_than_the_platforms_do_is_refused(cast: Cast) -> None:
    platform = PLATFORMS[0]
    federated(cast, platform)
    TrustedIssuer.objects.update(max_assertion_lifetime=platform.lifetime - 120)
    event = assert_refused(send(token_of(platform)), 401, "invalid_client")
    assert "ends in more than" in event.detail


def test_an_optional_part_without_an_answer_pins_nothing(cast: Cast) -> None:
    answers = {**PLATFORMS[0].answers, "service_account_uid": ""}
    assert answer_problems(KUBERNETES, answers) == {}
    assert filled(KUBERNETES, answers).credential["claims"] == {
        "kubernetes.io": {"namespace": "prod", "serviceaccount": {"name": "billing"}}
    }


@pytest.mark.parametrize("platform", PLATFORMS, ids=str)
def test_an_answer_that_reaches_into_another_part_is_refused(platform: Platform) -> None:
    for part in platform.preset.parts:
        for answer in (f"{platform.answers[part.name]}:x y", " ", "\n"):
            assert part.name in answer_problems(platform.preset, {**platform.answers, part.name: answer}), (
                part
            )


@pytest.mark.parametrize(
    ("platform", "sub"), [(platform, sub) for platform in PLATFORMS for sub in platform.strangers]
)
def test_a_pattern_of_a_preset_matches_no_other_workload(cast: Cast, platform: Platform, sub: str) -> None:
    federated(cast, platform)
    event = assert_refused(send(token_of(platform, {**platform.claims, "sub": sub})), 401, "invalid_client")
    assert event.detail.startswith(f"The client assertion is refused. Its sub is {sub};")


@pytest.mark.parametrize(
    "sub",
    [
        "org/{organization}/project/{project}/user/{user}",
        "org/{organization}/project/{project}/user/{user}/vcs-origin/github.com/octo-org/octo-repo/vcs-ref/refs/heads/main",
    ],
)
def test_both_tokens_of_a_circleci_job_are_taken(cast: Cast, sub: str) -> None:
    platform = next(platform for platform in PLATFORMS if platform.preset is CIRCLECI)
    federated(cast, platform)
    ids = {
        "organization": platform.answers["organization"],
        "project": platform.answers["project"],
        "user": TENANT,
    }
    assert send(token_of(platform, {**platform.claims, "sub": sub.format(**ids)})).status == 200


def test_answers_are_literal_text_in_a_pattern() -> None:
    platform = next(platform for platform in PLATFORMS if platform.preset is BUILDKITE)
    subject = filled(BUILDKITE, {**platform.answers, "branch": "a.*|b"}).credential["subject"]
    pattern = compiled_pattern(subject)
    for branch, fits in {"a.*|b": True, "a.x|b": False, "axx": False, "b": False}.items():
        sub = platform.claims["sub"].replace("release/1.0", branch)
        assert (pattern.fullmatch(sub) is not None) == fits


def _another(held: Any, *, is_open_ended: bool) -> Any:
    """Another value of a claim. A pattern may leave open how a subject ends, not how it begins."""
    if isinstance(held, bool):
        return not held
    if isinstance(held, list):
        return [f"{each}0" for each in held]
    return f"0{held}" if is_open_ended else f"{held}0"


def _holder(claims: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    for name in path[:-1]:
        claims = claims[name]
    return claims
