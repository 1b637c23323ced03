"""Configuration that does not fit together, left by whoever passed the checks by: nothing is told or given."""

import pytest

from issuers.models import GlobalVariable
from relying_parties.models import ResourceServer
from tests.cast import INVOICES, Cast
from tests.wire import ask, assert_refused


@pytest.fixture
def unresolvable(cast: Cast) -> Cast:
    """The template of `reports` takes its audience from a variable that is gone."""
    GlobalVariable.objects.all().delete()
    cast.seed_template.claims = {"aud": "${globals.region}"}
    cast.seed_template.save()
    return cast


@pytest.mark.contract("P3.8")
def test_a_stranger_cannot_tell_it_from_an_unknown_client(unresolvable: Cast) -> None:
    wrong = ask({"client_id": "reports", "client_secret": "wrong"})
    unknown = ask({"client_id": "nobody", "client_secret": "wrong"})
    assert wrong.without_its_own == unknown.without_its_own


def test_the_proven_client_is_told_to_come_back(unresolvable: Cast) -> None:
    answer = ask({**unresolvable.in_body("reports"), "scope": "YourScope"})
    event = assert_refused(answer, 503, "temporarily_unavailable")
    assert "globals.region" in event.detail


@pytest.mark.contract("P4.2")
def test_a_scope_that_the_resource_server_lost_is_granted_no_more(cast: Cast) -> None:
    ResourceServer.objects.filter(identifier=INVOICES, issuer=cast.oidc_m2m).update(scopes=["invoices.read"])
    answer = ask({"scope": "invoices.write", "resource": INVOICES}, auth=cast.basic("billing"))
    assert_refused(answer, 400, "invalid_scope")


@pytest.mark.spec("RFC 7519", "4.1.2")
def test_a_subject_that_is_no_text_is_not_signed(cast: Cast) -> None:
    GlobalVariable.objects.filter(name="region").update(value=5)
    cast.seed_template.claims = {"sub": "${globals.region}", "aud": "your_application"}
    cast.seed_template.save()
    event = assert_refused(ask(cast.in_body("reports")), 503, "temporarily_unavailable")
    assert "sub" in event.detail
