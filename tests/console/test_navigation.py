"""The navigation of every page, and lists that become cards on a phone."""

from html.parser import HTMLParser

import pytest
from django.test import Client
from django.urls import reverse

from console.site.navigation import MAP
from tests.support.cast import Cast

CLIENTS = reverse("admin:relying_parties_relyingparty_changelist")


class Navigation(HTMLParser):
    """The links of the navigation, and which of them is the present page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.here: list[str] = []
        self._is_inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if attributes.get("id") == "navigation":
            self._is_inside = True
        url = attributes.get("href")
        if tag == "a" and self._is_inside and url and url != "#":
            self.links.append(url)
            self.here += [url] if "aria-current" in attributes else []

    def handle_endtag(self, tag: str) -> None:
        if tag == "nav":
            self._is_inside = False


def navigation(client: Client, page: str) -> Navigation:
    return Navigation(client.get(page).content.decode())


@pytest.mark.contract("P10.19")
def test_every_page_that_a_user_may_see_is_in_the_navigation_and_answers(
    cast: Cast, superuser: Client, auditor: Client, operator: Client
) -> None:
    everything = navigation(superuser, "/admin/").links
    assert len(everything) == sum(len(area.places) for area in MAP)
    for user in (superuser, auditor, operator):
        links = navigation(user, "/admin/").links
        assert links
        assert {user.get(url).status_code for url in links} == {200}


@pytest.mark.contract("P10.19")
def test_a_page_that_a_user_may_not_see_is_not_in_the_navigation(cast: Cast, auditor: Client) -> None:
    users = reverse("admin:auth_user_changelist")
    assert auditor.get(users).status_code == 403
    assert users not in navigation(auditor, "/admin/").links


def test_the_page_that_is_open_or_the_one_above_it_is_marked(cast: Cast, operator: Client) -> None:
    client = reverse("admin:relying_parties_relyingparty_change", args=[cast.billing.pk])
    timeline = reverse("admin:audit_timeline")
    assert navigation(operator, "/admin/").here == ["/admin/"]
    assert navigation(operator, CLIENTS).here == [CLIENTS]
    assert navigation(operator, client).here == [CLIENTS]
    assert navigation(operator, timeline).here == []


def test_each_cell_of_a_list_names_its_column(cast: Cast, operator: Client) -> None:
    page = operator.get(CLIENTS).content.decode()
    assert '<td data-label="Name" class="field-name">Billing</td>' in page
    assert '<th data-label="Client ID" class="field-client_id">' in page


def test_a_list_is_called_by_what_is_in_it(cast: Cast, operator: Client) -> None:
    page = operator.get(CLIENTS).content.decode()
    assert "<title>Clients | m2m-idp</title>" in page
    assert "<h1>Clients</h1>" in page
