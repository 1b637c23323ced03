"""A client that is written as a file and applied to an empty issuer is the same client."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db.models import Model
from django.forms.models import model_to_dict
from django.test import Client

from configuration.client_file import client_file
from issuers.models import GlobalVariable
from relying_parties.models import (
    AccessGrant,
    ClaimTemplate,
    ClientSecret,
    FederatedCredential,
    RelyingParty,
    RequestRule,
    ResourceServer,
    TrustedIssuer,
)
from tests.configuration.files import applied
from tests.console.conftest import auditor  # noqa: F401 - a fixture
from tests.console.pages import federate, url
from tests.support.cast import Cast

pytestmark = pytest.mark.contract("P10.38")

HARD = ["null", "yes", "0o17", "1e3", " : # {x", '"q"', "\u2028\x7f", "ليل", "a\nb", "\U0001f511", "", "~"]
"""Texts that some version of YAML reads as something else."""


def make_it_rich(row: RelyingParty) -> None:
    row.description, row.contact = "\n".join(HARD), "ليل: #1"
    row.valid_until = datetime(2030, 1, 31, 12, 0, 5, 123456, tzinfo=UTC)
    row.allowed_networks, row.requests_per_minute = ["10.0.0.0/8", "2001:db8::/32"], 60
    row.is_active, row.access_token_ttl = False, 120
    row.client_jwks_uri = "https://keys.example/jwks"
    row.claim_template = ClaimTemplate.objects.create(
        name="rich", claims={"hard": HARD, "region": "${globals.region}"}, headers={"typ": "JWT"}
    )
    row.save()
    federate(row)
    for regex in ("a|b", "yes"):
        RequestRule(relying_party=row, parameter="env", regex=regex, message="Which?").save()


def whole(row: RelyingParty) -> Any:
    """All that is stored of it, but for keys of rows and secrets."""
    row = RelyingParty.objects.get(issuer=row.issuer, client_id=row.client_id)
    template = row.claim_template
    return (
        {**model_to_dict(row), "id": None, "claim_template": None},
        (template.name, template.claims, template.headers) if template else None,
        list(row.grants.order_by("resource_server__identifier").values_list(
            "resource_server__identifier", "resource_server__name", "resource_server__scopes", "scopes", "is_default"
        )),
        list(row.rules.order_by("pk").values_list("parameter", "regex", "message")),
        list(row.federated_credentials.values_list(
            "label", "subject", "claims", "trusted_issuer__name", "trusted_issuer__issuer_url"
        )),
    )  # fmt: skip


def forget_all() -> None:
    models: list[type[Model]] = [
        AccessGrant, RequestRule, FederatedCredential, ClientSecret, RelyingParty, ResourceServer, ClaimTemplate,
        TrustedIssuer, GlobalVariable,
    ]  # fmt: skip
    for model in models:
        model._default_manager.all().delete()


def test_a_client_with_everything_is_the_same_after_a_round_trip(cast: Cast) -> None:
    make_it_rich(cast.billing)
    cast.billing.refresh_from_db()
    before, text = whole(cast.billing), client_file(cast.billing)
    assert applied(text).changes == ()
    forget_all()
    applied(text)
    assert whole(cast.billing) == before
    assert client_file(RelyingParty.objects.get()) == text


def test_a_plain_client_is_a_short_file_without_its_secret(cast: Cast) -> None:
    text = client_file(cast.retired)
    assert "retired" in text
    for secret in ClientSecret.objects.filter(relying_party=cast.retired):
        assert secret.digest not in text
    assert "valid_until" not in text


def test_its_page_shows_the_file(cast: Cast, auditor: Client) -> None:  # noqa: F811 - the fixture
    answer = auditor.get(url(RelyingParty, "yaml", cast.billing.pk))
    assert answer.context["text"] == client_file(cast.billing)
    assert auditor.post(url(RelyingParty, "yaml", cast.billing.pk)).status_code == 405
