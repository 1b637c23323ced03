"""P10.10: whatever an address or a form of the console holds, the answer is a page, never a 500."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.contrib.admin import helpers
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls.resolvers import RegexPattern

from console.site.admin_site import site
from tests.console.forms import form_of
from tests.console.pages import CONFIGURATION, MODELS, PEOPLE, all_urls, fill_every_table, object_urls, url
from tests.support.cast import Cast

VARYING = re.compile(r"<[^>]*>")
pytestmark = pytest.mark.contract("P10.10")

VALUES = {
    "no number": "x",
    "thirty digits": "9" * 30,
    "a negative number": "-1",
    "a superscript": "\u00b2",
    "NUL": "a\x00b",
    "no UTF-8": b"\xff\xed\xa0\x80",
    "year 1": "0001-01-01T00:00:00",
    "the year before": "0001-01-01T00:00:00+14:00",
    "year 9999": "9999-12-31T23:59:59",
    "the year after": "9999-12-31T23:59:59-12:00",
    "five thousand digits": "9" * 5_000,
    "long": "a" * 70_000,
}
OF_DJANGO = ("p", "o", "q", "all", "e", "_facets", "_to_field", "_popup", "_changelist_filters", "next",
             "app_label", "model_name", "field_name", "term")  # fmt: skip
TO_FIELD = ("_to_field",)
"""Refused at once on pages that are no lists of rows, whatever else is asked."""
OTHERS_OF_DJANGO = tuple(name for name in OF_DJANGO if name not in TO_FIELD)
OF_OUR_OWN = ("since", "until", "issuer", "client", "outcome", "error", "credential", "kid", "address", "exactly",
              "audience", "scope", "resource", "before", "at", "token", "alg", "api", "reason", "text")  # fmt: skip
"""What the pages read of a query string."""


@dataclass(slots=True)
class Visitor:
    """Asks as a superuser, and notes what broke. `client` raises what no view caught."""

    client: Client
    broken: list[str] = field(default_factory=list)

    def get(self, page: str, sent: Mapping[str, Any]) -> None:
        self._ask("GET", page, sent)

    def post(self, page: str, sent: Mapping[str, Any]) -> None:
        self._ask("POST", page, sent)

    def _ask(self, method: str, page: str, sent: Mapping[str, Any]) -> None:
        asked = f"{method} {page} {str(dict(sent))[:200]}"
        try:
            answer: Any = getattr(self.client, method.lower())(page, sent)
            answer.getvalue()
        except Exception as error:
            self.broken.append(f"{asked}: {error!r}")
            return
        if answer.status_code >= 500:
            self.broken.append(f"{asked}: {answer.status_code}")


def form_at(client: Client, page: str) -> dict[str, Any]:
    """The fields of the page's form, empty if it has none."""
    context = client.get(page).context or {}
    if "adminform" in context:
        return form_of(client, page)
    if "form" not in context or context["form"] is None:
        return {}
    return {bound.html_name: bound.value() or "" for bound in context["form"]}


def split(page: str) -> tuple[str, dict[str, str]]:
    path, _, query = page.partition("?")
    return path, dict(parse_qsl(query))


@pytest.fixture
def visitor(cast: Cast, superuser: Client) -> Visitor:
    fill_every_table(cast)
    return Visitor(superuser)


@pytest.mark.parametrize("value", ["x", "9" * 30, "\u00b2", "a\x00b", ""])
def test_a_form_that_is_filled_by_its_address_opens(visitor: Visitor, value: str) -> None:
    for model in CONFIGURATION:
        names = [field.name for field in model._meta.fields if field.many_to_one]
        visitor.get(url(model, "add"), dict.fromkeys(names, value))
    assert visitor.broken == []


@pytest.mark.parametrize("value", ["x", "9" * 30, "\u00b2", "a\x00b", ""])
def test_rows_are_chosen_by_their_ids_alone(visitor: Visitor, value: str) -> None:
    for model in (*CONFIGURATION, *PEOPLE):
        page = url(model, "changelist")
        before = model._default_manager.count()
        for sent in ({"index": "0"}, {"post": "yes"}):
            chosen = sent | {"action": "delete_selected", helpers.ACTION_CHECKBOX_NAME: value}
            visitor.post(page, chosen)
        assert model._default_manager.count() == before
    assert visitor.broken == []


@pytest.mark.parametrize("value", ["x", "9" * 30, "\u00b2", "a\x00b", ""])
def test_a_role_that_is_no_id_is_refused_at_its_field(visitor: Visitor, value: str) -> None:
    for model, name in ((User, "groups"), (Group, "permissions")):
        page = url(model, "change", model._default_manager.values_list("pk", flat=True)[0])
        visitor.post(page, form_of(visitor.client, page) | {name: value})
    assert visitor.broken == []


@pytest.mark.parametrize("value", ["0001-01-01T00:00:00", "0001-01-01T00:00:00+14:00"])
def test_a_time_before_the_calendar_is_refused(cast: Cast, visitor: Visitor, value: str) -> None:
    times = {"since": value, "until": value}
    for page in ("activity/", "access/", "timeline/", "issuanceevent/", "issuanceevent/export.csv"):
        visitor.get(f"/admin/audit/{page}", {"issuer": cast.oidc_m2m.url, "client": "billing"} | times)
    assert visitor.broken == []


@pytest.mark.parametrize("text", ["a" * 70_000, "a " * 35_000, "a " * 500, "a" * 1_000], ids=len)
def test_a_search_breaks_no_page_however_long_it_is(visitor: Visitor, text: str) -> None:
    for model in (*CONFIGURATION, *PEOPLE):
        visitor.get(url(model, "changelist"), {"q": text})
    assert visitor.broken == []


def test_a_search_that_is_too_long_says_so(visitor: Visitor) -> None:
    answer = visitor.client.get(url(CONFIGURATION[0], "changelist"), {"q": "a" * 1_001})
    assert "A search has at most 1,000 characters. This search was not run." in answer.text


@pytest.mark.slow
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_no_page_breaks_whatever_it_is_asked(cast: Cast, visitor: Visitor, value: str | bytes) -> None:
    lists = {url(model, "changelist") for model in MODELS}
    for page in all_urls(cast):
        path, asked = split(page)
        form = form_at(visitor.client, page)
        visitor.get(path, asked | dict.fromkeys(OF_OUR_OWN, value))
        for names in [[name] for name in OF_DJANGO] if path in lists else (TO_FIELD, OTHERS_OF_DJANGO):
            visitor.get(path, asked | dict.fromkeys(names, value))
        visitor.get(path, asked | dict.fromkeys(form, value))
        # What counts the inlines stays, and the version: else no form is read at all.
        given = [name for name in form if not name.endswith("_FORMS") and name != "made_from"]
        visitor.post(path, form | dict.fromkeys(given, value))
    assert visitor.broken == []


@pytest.mark.slow
@pytest.mark.parametrize("value", ["9" * 30, "9999-12-31T23:59:59"])
def test_no_single_field_breaks_a_form(visitor: Visitor, value: str) -> None:
    for model in CONFIGURATION:
        for page in (url(model, "add"), object_urls(model)["change"]):
            form = form_of(visitor.client, page)
            for name in form:
                visitor.post(page, form | {name: value})
    assert visitor.broken == []


def bad_addresses(patterns: Any, before: str = "/admin/") -> Iterator[str]:
    """Each address of the console, with what is no id in the place of each part that varies."""
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from bad_addresses(pattern.url_patterns, route)
        elif not isinstance(pattern.pattern, RegexPattern):
            yield from (VARYING.sub(bad, route) for bad in ("9" * 30, "0", "x", "_00", "%00", "\u00b2"))


@pytest.mark.slow
def test_no_address_breaks_whatever_stands_for_an_id(cast: Cast, visitor: Visitor) -> None:
    for address in bad_addresses(site.get_urls()):
        visitor.get(address, {})
        visitor.post(address, {})
    assert visitor.broken == []
