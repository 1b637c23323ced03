"""What bounds a relying party, by file: its quota, and the greatest TTL of its issuer."""

from tests.configuration.files import applied, details, problems_of
from tests.support.cast import Cast


def test_a_quota_is_set_and_taken_away(cast: Cast) -> None:
    for text, stored, told in (
        ("60", 60, "requests_per_minute null -> 60"),
        ("null", None, "requests_per_minute 60 -> null"),
    ):
        plan = applied(
            f"relying_parties: [{{issuer: oidc_m2m, client_id: billing, requests_per_minute: {text}}}]"
        )
        assert details(plan) == [f"~ client billing of oidc_m2m: {told}"]
        cast.billing.refresh_from_db()
        assert cast.billing.requests_per_minute == stored


def test_a_quota_of_nothing_is_refused(cast: Cast) -> None:
    [problem] = problems_of(
        "relying_parties: [{issuer: oidc_m2m, client_id: billing, requests_per_minute: 0}]"
    )
    assert problem.endswith("requests_per_minute: Ensure this value is greater than or equal to 1.")


def test_a_ttl_above_the_issuers_greatest_is_refused(cast: Cast) -> None:
    party = "relying_parties: [{issuer: oidc_m2m, client_id: billing, access_token_ttl: %d}]"
    assert len(applied(party % 86_400).changes) == 1
    [problem] = problems_of(party % 86_401)
    assert problem.endswith(
        "access_token_ttl: Its TTL of 86401 seconds is more than the issuer's greatest, 86400."
    )


def test_an_issuers_greatest_ttl_cannot_sink_below_a_relying_partys(cast: Cast) -> None:
    [problem] = problems_of(
        "issuers: [{path: oidc_m2m, default_access_token_ttl: 299, max_access_token_ttl: 299}]"
    )
    assert problem.endswith("reports: its TTL of 300 seconds is more than the issuer's greatest, 299.")


def test_an_issuers_default_ttl_is_at_most_its_greatest(cast: Cast) -> None:
    [problem] = problems_of("issuers: [{path: oidc_m2m, default_access_token_ttl: 86401}]")
    assert problem.endswith("default_access_token_ttl: At most the greatest TTL, 86400 seconds.")
