"""Sign-ins at the company's provider that fail: they close nobody's way in, and tell no stranger of this server."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from audit.models import OperationalEvent
from console.sign_in.company.provider import forget_metadata
from console.sign_in.company.registration import CompanySignIn
from tests.support.cast import Cast

PASSWORD = "a long enough password"
MANY = 40
"""More than a network may fail with passwords in five minutes."""

pytestmark = pytest.mark.contract("P10.48")


@pytest.fixture(autouse=True)
def _company(cast: Cast, settings: Any) -> Iterator[None]:
    settings.COMPANY_SIGN_IN = CompanySignIn(
        issuer="https://127.0.0.1:9",
        client_id="console",
        client_secret="unused",
        scopes="openid",
        username_claim="preferred_username",
        groups_claim="groups",
        roles={"idp": "Operators"},
    )
    forget_metadata()
    yield
    forget_metadata()


@pytest.mark.parametrize("page", ["company_callback", "company_login"])
def test_they_are_no_guesses_of_a_password(page: str) -> None:
    User.objects.create_superuser("anna", password=PASSWORD)
    answers = {Client().get(reverse(f"admin:{page}")).status_code for _ in range(MANY)}
    assert answers == {403}
    signed_in = Client().post(reverse("admin:login"), {"username": "anna", "password": PASSWORD})
    assert signed_in.status_code == 302


def test_why_the_provider_was_not_reached_is_for_the_record() -> None:
    page = Client().get(reverse("admin:company_login")).content.decode()
    assert "The provider cannot be asked now." in page
    assert "127.0.0.1" not in page
    recorded = OperationalEvent.objects.filter(kind=OperationalEvent.Kind.SIGN_IN_FAILED).latest("pk")
    assert "127.0.0.1" in recorded.detail
