"""The bounds that an issuer sets, kept by a file too: lifetimes of tokens and of other issuers' assertions."""

import pytest

from tests.configuration.files import applied, problems_of

CI = "trusted_issuers: [{issuer: oidc_m2m, name: ci, issuer_url: https://ci.example, max_assertion_lifetime: "


@pytest.mark.django_db
def test_a_ttl_is_bound_by_the_greatest_that_the_same_file_sets() -> None:
    text = "\n".join((
        "relying_parties: [{issuer: oidc_m2m, client_id: billing, access_token_ttl: %d}]",
        "issuers: [{path: oidc_m2m, max_access_token_ttl: 90000}]",
    ))  # fmt: skip

    lines = problems_of(text % 90_001)

    assert lines == [
        "f:1:76: access_token_ttl: Its TTL of 90001 seconds is more than the issuer's greatest, 90000."
    ]
    assert len(applied(text % 90_000).changes) == 2


@pytest.mark.django_db
def test_the_greatest_ttl_is_not_lowered_below_that_of_a_client_which_the_file_leaves_out() -> None:
    lines = problems_of(
        "issuers: [{path: oidc_m2m, default_access_token_ttl: 200, max_access_token_ttl: 299}]"
    )

    assert lines == ["f:1:11: reports: its TTL of 300 seconds is more than the issuer's greatest, 299."]


@pytest.mark.parametrize("key", ["default_access_token_ttl", "max_access_token_ttl", "max_client_secret_age"])
@pytest.mark.django_db
def test_a_lifetime_is_a_second_at_least(key: str) -> None:
    lines = problems_of(f"issuers: [{{path: oidc_m2m, {key}: 0}}]")

    told = f"f:1:{30 + len(key)}: {key}: At least 1 s."
    assert told in lines


@pytest.mark.parametrize(
    ("seconds", "problem"),
    [
        (0, "At least 1 s."),
        (366 * 86_400 + 1, "At most 366 days."),
    ],
)
@pytest.mark.django_db
def test_the_lifetime_of_assertions_is_bounded(seconds: int, problem: str) -> None:
    assert problems_of(f"{CI}{seconds}}}]") == [f"f:1:{len(CI) + 1}: max_assertion_lifetime: {problem}"]
