"""What was changed past the form is shown to the operator, who corrects it there."""

import pytest
from django.test import Client

from console.admin_base.versions.made_from import CONFLICT, MADE_FROM
from issuers.models import Issuer
from relying_parties.models import RelyingParty
from tests.console.pages import url
from tests.protocol.test_broken_configuration import ISSUER, MISCONFIGURED
from tests.support.cast import Cast


@pytest.mark.parametrize("fault", MISCONFIGURED)
def test_the_console_shows_a_client_that_was_changed_past_the_form(
    cast: Cast, operator: Client, fault: str
) -> None:
    MISCONFIGURED[fault][0](cast)
    page = url(RelyingParty, "change", cast.billing.pk)
    shown = operator.get(page)
    assert shown.status_code == 200
    assert operator.post(page, {MADE_FROM: shown.context[MADE_FROM]}).status_code == 200
    assert operator.post(page, {}).status_code == CONFLICT


@pytest.mark.parametrize("fault", ISSUER)
def test_the_console_shows_an_issuer_that_was_changed_past_the_form(
    cast: Cast, operator: Client, fault: str
) -> None:
    Issuer.objects.filter(pk=cast.oidc_m2m.pk).update(**ISSUER[fault])
    page = url(Issuer, "change", cast.oidc_m2m.pk)
    shown = operator.get(page)
    assert shown.status_code == 200
    assert operator.post(page, {MADE_FROM: shown.context[MADE_FROM]}).status_code == 200
    assert operator.post(page, {}).status_code == CONFLICT
