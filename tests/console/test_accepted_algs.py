"""P7.10: an operator chooses the algorithms that an issuer accepts in assertions and proofs."""

import pytest
from django.test import Client

from issuers.models import Issuer
from tests.configuration.files import applied
from tests.console.forms import form_of
from tests.console.pages import url
from tests.protocol.test_accepted_algs import ASSERTIONS, FAPI, PROOFS, metadata
from tests.support.assertions import new_robot
from tests.support.cast import Cast
from tests.support.forging import signer

pytestmark = pytest.mark.contract("P7.10")


def test_an_issuer_is_not_narrowed_below_what_its_clients_can_do(cast: Cast, operator: Client) -> None:
    new_robot(cast, signer("RS256"))
    page = url(Issuer, "change", cast.oidc_m2m.pk)
    answer = operator.post(page, form_of(operator, page) | {ASSERTIONS: ["ES256"]})
    assert (
        "robot: its keys can sign with none of the algorithms that M2M accepts: ES256."
        in answer.content.decode()
    )
    assert metadata()[ASSERTIONS] != ["ES256"]


def test_an_operator_chooses_the_algorithms_in_the_console(cast: Cast, operator: Client) -> None:
    page = url(Issuer, "change", cast.oidc_m2m.pk)
    operator.post(page, form_of(operator, page) | {ASSERTIONS: FAPI, PROOFS: ["ES256"]})
    issuer = Issuer.objects.get(pk=cast.oidc_m2m.pk)
    assert getattr(issuer, ASSERTIONS) == FAPI
    assert getattr(issuer, PROOFS) == ["ES256"]


def test_a_file_sets_the_algorithms(cast: Cast) -> None:
    text = f"issuers: [{{path: oidc_m2m, {ASSERTIONS}: [PS256, ES256]}}]"
    assert len(applied(text).changes) == 1
    assert applied(text).changes == ()
    assert getattr(Issuer.objects.get(pk=cast.oidc_m2m.pk), ASSERTIONS) == ["PS256", "ES256"]
