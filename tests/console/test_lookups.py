"""What a URL of the console may filter by."""

import pytest
from django.test import Client
from django.urls import reverse

from console.admin_base.row_ids import MAX_LISTED
from issuers.models import Issuer
from tests.console.forms import form_of
from tests.support.cast import Cast

RELYING_PARTIES = "/admin/relying_parties/relyingparty/"


@pytest.mark.contract("P10.6")
@pytest.mark.parametrize("how", ["regex", "iregex", "contains", "in", "range", "issuer__path"])
def test_a_filter_takes_no_expression(admin_client: Client, cast: Cast, how: str) -> None:
    answer = admin_client.get(RELYING_PARTIES, {f"token_endpoint_auth_method__{how}": "^((a+)+)+$"})
    assert answer.status_code == 400


def test_a_filters_own_link_works(admin_client: Client, cast: Cast) -> None:
    answer = admin_client.get(RELYING_PARTIES, {"issuer__id__exact": cast.other.pk})
    assert "stranger" in answer.content.decode()
    assert "billing" not in answer.content.decode()


def test_a_popup_refers_by_primary_key_alone(admin_client: Client, cast: Cast) -> None:
    assert admin_client.get(RELYING_PARTIES, {"_to_field": "id"}).status_code == 200
    assert admin_client.get(RELYING_PARTIES, {"_to_field": "secrets"}).status_code == 400


@pytest.mark.slow
def test_a_form_of_endless_inlines_is_refused(admin_client: Client, cast: Cast) -> None:
    page = f"{RELYING_PARTIES}{cast.billing.pk}/access/"
    form = {"grants-TOTAL_FORMS": "1000000000", "grants-INITIAL_FORMS": "0"}
    assert admin_client.post(page, form).status_code == 409
    answer = admin_client.post(page, form | {"made_from": form_of(admin_client, page)["made_from"]})
    assert answer.status_code == 200
    assert cast.billing.grants.count() == 3


def test_a_few_rows_are_a_list_of_choices_and_many_are_searched(admin_client: Client, cast: Cast) -> None:
    """The list needs no script."""
    page = reverse("admin:relying_parties_resourceserver_add")
    assert f'<option value="{cast.other.pk}">Other</option>' in admin_client.get(page).content.decode()
    Issuer.objects.bulk_create(
        Issuer(path=f"more-{number}", name=f"More {number}") for number in range(MAX_LISTED)
    )
    searched = admin_client.get(page).content.decode()
    assert "admin-autocomplete" in searched
    assert "More 7" not in searched
