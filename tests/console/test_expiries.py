"""What expires soon, on the overview."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from console.admin_base.page import MAX_NAMED
from issuers.models import Issuer
from keys.importing.certificates import attach_chain, certificate_request, read_chain
from keys.models import SigningKey
from relying_parties.models import ClientSecret, RelyingParty
from relying_parties.secrets.credentials import add_generated_secret
from tests.console.forms import act
from tests.console.pages import body_of, url
from tests.keys.authority import LIFE, Authority
from tests.support.cast import Cast
from tests.support.client_keys import certificate_until, jwk_of, new_key, pem_of
from tests.support.wire import get

NOW = timezone.now()
DAY = timedelta(days=1)
HEADING = "Ends within 30 days"


def test_it_is_silent_while_nothing_ends(cast: Cast, operator: Client) -> None:
    assert HEADING not in body_of(operator, reverse("admin:index"))


def test_it_names_what_ends_and_where_to_act(cast: Cast, operator: Client, auditor: Client) -> None:
    ClientSecret.objects.filter(relying_party=cast.billing).update(expires_at=NOW + 5 * DAY)
    add_generated_secret(relying_party=cast.billing, label="younger")
    RelyingParty.objects.filter(pk=cast.reports.pk).update(valid_until=NOW + DAY / 2)
    key = cast.other_key
    pem = Authority.new("CA").chain_for(certificate_request(key), now=NOW - LIFE + 20 * DAY)
    attach_chain(key, read_chain(pem, key=key), now=NOW)

    for client in (operator, auditor):
        page = body_of(client, reverse("admin:index"))
        assert HEADING in page
        assert f'{url(RelyingParty, "credentials", cast.billing.pk)}#secrets">first of billing</a>' in page
        assert '<span class="state live">replaced</span>' in page
        assert f'{url(RelyingParty, "change", cast.reports.pk)}">reports</a>' in page
        assert f"of key {key.kid}</a>" in page
        assert '<span class="state warning">within 1 day</span>' in page


def test_it_leads_to_the_keys_and_certificates_of_clients(cast: Cast, operator: Client) -> None:
    key = new_key()
    ca = certificate_until(key, NOW + 3 * DAY, name="Client CA", is_authority=True)
    Issuer.objects.filter(pk=cast.oidc_m2m.pk).update(
        token_endpoint_auth_methods=["private_key_jwt", "tls_client_auth"], client_ca_certificates=pem_of(ca)
    )
    jwks = {"keys": [jwk_of(key, kid="2026", exp=int((NOW + DAY).timestamp()))]}
    RelyingParty.objects.filter(pk=cast.billing.pk).update(
        token_endpoint_auth_method="private_key_jwt", client_jwks=jwks
    )

    page = body_of(operator, reverse("admin:index"))

    assert f'{url(RelyingParty, "credentials", cast.billing.pk)}#client-keys">2026 of billing</a>' in page
    assert f'{url(Issuer, "change", cast.oidc_m2m.pk)}#client-authorities">CN=Client CA</a>' in page


@pytest.mark.parametrize(
    "chain", ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_chain_that_cannot_be_read_is_named_and_can_be_replaced(
    cast: Cast, operator: Client, capsys: pytest.CaptureFixture[str], chain: str
) -> None:
    key = cast.other_key
    SigningKey.objects.filter(pk=key.pk).update(certificate_chain=chain)
    page = body_of(operator, reverse("admin:index"))
    assert "Certificate chains that cannot be read" in page
    assert url(SigningKey, "change", key.pk) in page
    assert get("/readyz").status == 200
    call_command("maintain")
    assert f"the certificate chain of key {key.kid} cannot be read: attach one" in capsys.readouterr().out
    attach = url(SigningKey, "chain", key.pk)
    assert "It cannot be read: it was changed past the console." in body_of(operator, attach)
    pem = Authority.new("CA").chain_for(certificate_request(key), now=NOW).decode()
    assert act(operator, attach, {"pem": pem}).status_code == 302
    assert "Certificate chains that cannot be read" not in body_of(operator, reverse("admin:index"))


def test_it_names_the_first_and_counts_the_others(cast: Cast, operator: Client) -> None:
    for number in range(MAX_NAMED + 3):
        add_generated_secret(relying_party=cast.billing, label=f"number {number}", expires_at=NOW + DAY)
    page = body_of(operator, reverse("admin:index"))
    assert page.count('aria-label="Rotate: number ') == MAX_NAMED
    assert "And 3 more: " in page


def test_a_stored_key_that_is_refused_today_hides_no_other(cast: Cast, operator: Client) -> None:
    keys = [
        jwk_of(new_key(), kid="2025", use="enc"),
        jwk_of(new_key(), kid="2026", exp=int((NOW + DAY).timestamp())),
    ]
    RelyingParty.objects.filter(pk=cast.billing.pk).update(
        token_endpoint_auth_method="private_key_jwt", client_jwks={"keys": keys}
    )

    assert "2026 of billing</a>" in body_of(operator, reverse("admin:index"))
    assert "EC, P-256" in body_of(operator, url(RelyingParty, "credentials", cast.billing.pk))
