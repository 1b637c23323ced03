"""The client CA certificates on the page of an issuer: shown, kept as they are, and refused at their field."""

from datetime import UTC, datetime

import pytest
from django.test import Client

from issuers.models import Issuer
from tests.console.forms import form_of
from tests.console.pages import body_of, url
from tests.support.cast import Cast
from tests.support.client_keys import certificate_until, new_key, pem_of

OF_NO_AUTHORITY = pem_of(certificate_until(new_key(), datetime(2099, 1, 1, tzinfo=UTC)))


def test_the_page_of_an_issuer_shows_its_client_authorities(cast: Cast, auditor: Client) -> None:
    end = cast.key.activates_at.replace(year=2099)
    authority = certificate_until(new_key(), end, name="Client CA", is_authority=True)
    Issuer.objects.filter(pk=cast.oidc_m2m.pk).update(client_ca_certificates=pem_of(authority))
    page = body_of(auditor, url(Issuer, "change", cast.oidc_m2m.pk))
    assert "CN=Client CA" in page
    assert "2099-" in page


def test_the_page_of_an_issuer_survives_a_text_that_is_no_certificate(cast: Cast, auditor: Client) -> None:
    Issuer.objects.filter(pk=cast.oidc_m2m.pk).update(client_ca_certificates="no PEM")
    assert auditor.get(url(Issuer, "change", cast.oidc_m2m.pk)).status_code == 200


def test_client_authorities_are_kept_with_the_ends_of_lines_that_a_file_has(
    cast: Cast, operator: Client
) -> None:
    pem = pem_of(certificate_until(new_key(), cast.key.activates_at.replace(year=2099), is_authority=True))
    page = url(Issuer, "change", cast.oidc_m2m.pk)
    methods = ["client_secret_basic", "client_secret_post", "tls_client_auth"]
    typed = pem.replace("\n", "\r\n")
    sent = {"client_ca_certificates": typed, "accepts_dpop": "on", "token_endpoint_auth_methods": methods}
    operator.post(page, form_of(operator, page) | sent)
    issuer = Issuer.objects.get(pk=cast.oidc_m2m.pk)
    assert (issuer.client_ca_certificates, issuer.accepts_dpop) == (pem, True)
    assert issuer.token_endpoint_auth_methods == methods


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("no PEM", "There is no certificate in PEM that can be read."),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "There is no certificate in PEM"),
        (OF_NO_AUTHORITY, "The certificate CN=billing says nothing of a CA (basicConstraints)"),
        ("-----BEGIN PRIVATE KEY-----", "This holds a private key, which was not kept and is not shown again"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_client_authorities_is_reported_at_the_field(
    cast: Cast, operator: Client, typed: str, problem: str
) -> None:
    page = url(Issuer, "change", cast.oidc_m2m.pk)
    answer = operator.post(page, form_of(operator, page) | {"client_ca_certificates": typed})
    errors = answer.context["adminform"].form.errors
    assert errors.keys() == {"client_ca_certificates"}
    assert errors["client_ca_certificates"][0].startswith(problem)
    assert Issuer.objects.get(pk=cast.oidc_m2m.pk).client_ca_certificates == ""
