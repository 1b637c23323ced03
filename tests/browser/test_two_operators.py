"""An operator whose form is older than what another changed, and one who changes an API's identifier."""

import pytest
from django.urls import reverse

from issuers.versioning.history import Source, authored
from relying_parties.models import ResourceServer
from tests.browser.test_auditor import assert_in_order
from tests.browser.visit import Visit
from tests.support.cast import INVOICES, Cast

pytestmark = [pytest.mark.slow, pytest.mark.contract("P10.13", "P10.17")]


def test_an_old_form_shows_both_changes_and_saves_them(cast: Cast, operator: Visit) -> None:
    client = cast.billing
    operator.open(reverse("admin:relying_parties_relyingparty_change", args=[client.pk]))
    operator.fill("contact", "Payments")
    client.is_active, client.description = False, "Closed on Monday"
    with authored(actor="otto", source=Source.ADMIN):
        client.checked().save()
    operator.press("Save")
    assert "Nothing was saved: someone changed this after you opened the form" in operator.text()
    assert "by otto, Admin" in operator.text()
    (told,) = operator.browser.get_log("browser")  # type: ignore[no-untyped-call]
    assert "409 (Conflict)" in told["message"]
    assert_in_order(operator)
    operator.press("Save")
    client.refresh_from_db()
    assert (client.is_active, client.description, client.contact) == (False, "Closed on Monday", "Payments")


def test_a_deletion_shows_what_another_changed_and_asks_again(cast: Cast, operator: Visit) -> None:
    client = cast.retired
    operator.open(reverse("admin:relying_parties_relyingparty_delete", args=[client.pk]))
    assert_in_order(operator)
    client.is_active = True
    with authored(actor="otto", source=Source.ADMIN):
        client.checked().save()
    operator.press("Yes, delete")
    assert "Nothing was done: this was changed after you opened the page" in operator.text().replace(
        "\n", " "
    )
    assert "by otto, Admin" in operator.text()
    (told,) = operator.browser.get_log("browser")  # type: ignore[no-untyped-call]
    assert "409 (Conflict)" in told["message"]
    assert_in_order(operator)
    assert type(client).objects.filter(pk=client.pk).exists()
    operator.press("Yes, delete")
    assert not type(client).objects.filter(pk=client.pk).exists()


def test_a_granted_identifier_is_changed_by_an_act_of_its_own(cast: Cast, operator: Visit) -> None:
    operator.open(reverse("admin:relying_parties_resourceserver_change", args=[cast.invoices.pk]))
    assert_in_order(operator)
    operator.follow("Change the identifier")
    assert_in_order(operator)
    operator.fill("identifier", "https://bills.example")
    operator.fill("old", INVOICES)
    operator.fill("reason", "The API has moved")
    operator.press("Change the identifier")
    assert "The identifier is https://bills.example now." in operator.text()
    assert ResourceServer.objects.get(pk=cast.invoices.pk).identifier == "https://bills.example"
