"""Durations, deadlines and lists in forms: as people write them, and shown so again."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from issuers.models import Issuer
from relying_parties.models import RelyingParty
from tests.console.forms import form_of
from tests.support.cast import Cast


def page(row: Issuer | RelyingParty) -> str:
    """Where its durations and deadlines are."""
    form = "change" if isinstance(row, Issuer) else "restrictions"
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{form}", args=[row.pk])


def errors(client: Client, url: str, **fields: str) -> list[str]:
    """What the page says after these fields were sent; nothing when they were taken."""
    answer = client.post(url, {**form_of(client, url), **fields})
    if answer.status_code == 302:
        return []
    return [str(error) for found in answer.context["adminform"].form.errors.values() for error in found]


@pytest.mark.contract("P10.50")
def test_a_duration_is_shown_and_taken_in_words(cast: Cast, operator: Client) -> None:
    url = page(cast.oidc_m2m)
    assert form_of(operator, url)["rotation_period"] == "90 days"
    assert errors(operator, url, rotation_period="1 year", max_access_token_ttl="43200") == []
    cast.oidc_m2m.refresh_from_db()
    assert (cast.oidc_m2m.rotation_period, cast.oidc_m2m.max_access_token_ttl) == (31_536_000, 43_200)
    assert form_of(operator, url)["max_access_token_ttl"] == "12 h"


@pytest.mark.contract("P10.50")
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1 month", "Write a duration such as 90 days, 1 year, 1 h 30 min, or a number of seconds."),
        ("400 days", "At most 366 days."),
        ("0", "At least 1 s."),
        ("", "This field is required."),
    ],
)
def test_a_duration_that_is_none_or_too_long_is_refused_in_words(
    cast: Cast, operator: Client, text: str, problem: str
) -> None:
    url = page(cast.oidc_m2m)
    assert problem in errors(operator, url, max_access_token_ttl=text)


def test_a_duration_is_in_words_for_those_who_may_only_read(cast: Cast, auditor: Client) -> None:
    assert '<div class="readonly">90 days</div>' in auditor.get(page(cast.oidc_m2m)).content.decode()


@pytest.mark.contract("P10.50")
@pytest.mark.parametrize(
    "text",
    [
        "2030-12-05 00:00",
        "2030-12-05",
        "2030-12-05T00:00:00Z",
        "2030-12-05 00:00 UTC",
        "2030-12-05T01:00:00+01:00",
        "20301205",
    ],
)
def test_a_deadline_is_taken_as_people_write_it(cast: Cast, operator: Client, text: str) -> None:
    url = page(cast.billing)
    assert errors(operator, url, valid_until=text) == []
    cast.billing.refresh_from_db()
    assert cast.billing.valid_until == datetime(2030, 12, 5, tzinfo=UTC)
    assert form_of(operator, url)["valid_until"] == "2030-12-05 00:00"


@pytest.mark.contract("P10.50")
def test_a_deadline_may_say_how_far_ahead_it_is_or_never(cast: Cast, operator: Client) -> None:
    url = page(cast.billing)
    assert errors(operator, url, valid_until="30 days") == []
    cast.billing.refresh_from_db()
    assert cast.billing.valid_until is not None
    assert abs(cast.billing.valid_until - timezone.now() - timedelta(days=30)) < timedelta(minutes=2)
    assert errors(operator, url, valid_until="never") == []
    cast.billing.refresh_from_db()
    assert cast.billing.valid_until is None


@pytest.mark.contract("P10.50")
@pytest.mark.parametrize("text", ["tomorrow", "2030-13-01", "9999 years", "1969-12-31", "2030"])
def test_a_deadline_that_is_none_is_refused_with_an_example(cast: Cast, operator: Client, text: str) -> None:
    (problem,) = errors(operator, page(cast.billing), valid_until=text)
    assert problem in (
        "Write a time such as 2026-12-05 00:00, or how far ahead, such as 30 days.",
        "Choose a time in the years 1970 to 9999.",
    )


@pytest.mark.contract("P10.50")
def test_a_list_is_taken_with_lines_spaces_or_commas(cast: Cast, operator: Client) -> None:
    url = page(cast.billing)
    assert errors(operator, url, allowed_networks="10.0.0.0/8, 192.0.2.0/24\n198.51.100.0/24") == []
    cast.billing.refresh_from_db()
    assert cast.billing.allowed_networks == ["10.0.0.0/8", "192.0.2.0/24", "198.51.100.0/24"]
