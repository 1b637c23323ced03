"""Nothing that was added is forgotten: each field stands on its page, each address is asked by each role."""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import Resolver404, resolve

from console.federation.federated_credentials import FederatedCredentialForm
from console.site.admin_site import site
from relying_parties.models import FederatedCredential, RelyingParty
from tests.console.pages import CONFIGURATION, TABS, all_urls, body_of, fill_every_table, record_urls, url
from tests.support.cast import Cast

OF_DJANGO = {
    "login", "logout", "password_change", "password_change_done", "autocomplete", "jsi18n", "view_on_site",
    "app_list", "auth_user_password_change", "company_login", "company_callback", None,
}  # fmt: skip
"""Names of addresses that are no pages of ours, or of a sign-in.

None: a redirect, and what stands where nothing else does.
"""
WHERE = re.compile(r'(?:href|action)="([^"?#]+)')


def editable(model: type[Model]) -> set[str]:
    return {field.name for field in model._meta.concrete_fields if field.editable and not field.primary_key}


@pytest.mark.parametrize("model", CONFIGURATION)
def test_every_editable_field_stands_on_its_page(cast: Cast, superuser: Client, model: type[Model]) -> None:
    shown = superuser.get(url(model, "add")).context["adminform"].form.fields
    assert editable(model) - shown.keys() == set()


def test_every_editable_field_of_a_client_stands_on_one_of_its_tabs(cast: Cast, superuser: Client) -> None:
    """But for its issuer and ID, which stay, and whether it is active, which an act changes."""
    tabs = [superuser.get(url(RelyingParty, tab, cast.billing.pk)) for tab in TABS]
    shown = [name for tab in tabs for name in tab.context["adminform"].form.fields]
    assert len(shown) == len(set(shown))
    assert editable(RelyingParty) - set(shown) == {"issuer", "client_id", "is_active"}


@pytest.mark.parametrize("tab", ["access", "restrictions"])
def test_every_editable_field_of_a_part_stands_in_its_row(cast: Cast, superuser: Client, tab: str) -> None:
    parts = superuser.get(url(RelyingParty, tab, cast.billing.pk)).context["inline_admin_formsets"]
    missing = {
        f"{part.opts.model.__name__}.{name}"
        for part in parts
        for name in editable(part.opts.model) - part.formset.form.base_fields.keys() - {part.formset.fk.name}
    }
    assert missing == set()


def test_every_editable_field_of_a_federated_credential_stands_in_its_form() -> None:
    shown = FederatedCredentialForm.Meta.fields
    assert editable(FederatedCredential) - {*shown, "relying_party"} == set()


def names(patterns: Any) -> Iterator[str | None]:
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            yield from names(pattern.url_patterns)
        else:
            yield pattern.name


def named(pages: Iterable[str]) -> set[str | None]:
    return {resolve(page.partition("?")[0]).url_name for page in pages}


def test_every_address_is_asked_by_each_role(cast: Cast, superuser: Client) -> None:
    fill_every_table(cast)
    assert set(names(site.get_urls())) - named(all_urls(cast)) - OF_DJANGO == set()


def led_to(client: Client, pages: Iterable[str]) -> Iterator[str | None]:
    """The names of the addresses to which links and forms of these pages lead, but for those back to themselves."""
    for page in pages:
        for address in set(WHERE.findall(body_of(client, page))) - {page.partition("?")[0]}:
            with suppress(Resolver404):
                yield resolve(address).url_name


def test_every_page_of_the_record_is_led_to(cast: Cast, superuser: Client) -> None:
    fill_every_table(cast)
    assert named(record_urls(cast).values()) - set(led_to(superuser, all_urls(cast))) == set()
