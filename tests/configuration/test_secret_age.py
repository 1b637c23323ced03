"""Issuer.max_client_secret_age in a file, and the rotation of a secret by file."""

from datetime import timedelta

import pytest
from django.utils import timezone

from relying_parties.models import ClientSecret
from tests.configuration.files import applied, details, problems_of
from tests.support.cast import Cast
from tests.support.wire import ask, basic

TEN_DAYS = timedelta(days=10)
ISSUER = "issuers: [{path: oidc_m2m, max_client_secret_age: 864000}]"


def billing(*secrets: str, issuer: str = ISSUER) -> str:
    return f"{issuer}\nrelying_parties: [{{issuer: oidc_m2m, client_id: billing, secrets: [{', '.join(secrets)}]}}]"


def second() -> ClientSecret:
    return ClientSecret.objects.get(label="second")


@pytest.mark.parametrize("end", ["", ", expires_at: null"])
@pytest.mark.django_db
def test_a_secret_of_the_file_lives_as_long_as_its_issuer_allows(end: str) -> None:
    text = billing(f"{{label: second, generate: true{end}}}")

    applied(text)

    assert second().expires_at == second().created_at + TEN_DAYS
    assert applied(text).changes == ()


@pytest.mark.django_db
def test_a_longer_life_is_refused_at_its_line() -> None:
    later = (timezone.now() + timedelta(days=11)).isoformat()

    [line] = problems_of(billing(f"{{label: second, generate: true, expires_at: '{later}'}}"))

    assert line.startswith("f:2:")
    assert ": expires_at: At most 864000 seconds after it was made, so 20" in line


@pytest.mark.django_db
def test_a_longer_life_of_one_that_is_there_is_refused_too() -> None:
    applied(billing("{label: second, generate: true}"))
    later = (timezone.now() + timedelta(days=11)).isoformat()

    [line] = problems_of(billing(f"{{label: second, generate: true, expires_at: '{later}'}}"))

    assert ": expires_at: At most 864000 seconds after it was made, so 20" in line


def test_lowering_the_age_ends_nothing_and_warns_of_what_lives_longer(cast: Cast) -> None:
    ClientSecret.objects.exclude(relying_party=cast.billing).update(expires_at=timezone.now())

    plan = applied(ISSUER)

    told = (
        "client secret first of client billing of oidc_m2m: "
        "lives for ever, longer than max_client_secret_age, 864000 seconds: rotate it."
    )
    assert plan.warnings == (told,)
    assert applied(ISSUER).warnings == (told,)
    assert ask(auth=cast.basic("billing")).status == 200


def test_a_file_that_ends_what_lives_too_long_is_not_warned(cast: Cast) -> None:
    ClientSecret.objects.exclude(relying_party=cast.billing).update(expires_at=timezone.now())
    end = (timezone.now() + timedelta(days=1)).isoformat()

    assert applied(billing(f"{{label: first, generate: true, expires_at: '{end}'}}")).warnings == ()


def test_a_file_rotates_a_secret_in_one_act(cast: Cast) -> None:
    end = timezone.now() + timedelta(days=7)
    text = billing(
        "{label: second, generate: true}",
        f"{{label: first, generate: true, expires_at: '{end.isoformat()}'}}",
        issuer="",
    )

    plan = applied(text)

    of_billing = "of client billing of oidc_m2m"
    assert details(plan) == [
        f"+ client secret second {of_billing}: generated",
        f"~ client secret first {of_billing}: expires_at null -> {end.isoformat()}",
    ]
    assert ask(auth=cast.basic("billing")).status == 200
    assert ask(auth=basic("billing", plan.generated[0].text)).status == 200
    assert ClientSecret.objects.get(relying_party=cast.billing, label="first").expires_at == end
    assert applied(text).changes == ()
