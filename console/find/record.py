"""Searching the record by what its indexes lead to: a jti, a request ID, an address, the name of a credential."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.urls import reverse

from audit.credential_name import CredentialName
from audit.models import IssuanceEvent
from audit.reading.filters import Search
from audit.reading.pages import page_of
from console.admin_base.instants import written
from console.credentials.described import described
from console.credentials.page import NAME
from console.find.hits import MAX_HITS, Group, Hit, group
from console.requests.record_links import record_link
from console.site.permissions import SEES_CONFIGURATION, SEES_RECORD
from runtime.proxies import parsed_address

MAX_ID_LENGTH = 64


def in_record(text: str, *, user: Any, now: datetime) -> Iterator[Group]:
    if not user.has_perm(SEES_RECORD):
        return
    yield group("Requests", list(_requests(text)))
    yield group("Addresses", list(_addresses(text)))
    if user.has_perms(SEES_CONFIGURATION):
        yield group("Credentials", list(_credentials(text, now)))


def _requests(text: str) -> Iterator[Hit]:
    if len(text) > MAX_ID_LENGTH:
        return
    for event in page_of(Search(name=text), size=MAX_HITS + 1).events:
        page = reverse("admin:audit_issuanceevent_change", args=[event.pk])
        yield Hit(text=f"{written(event.at)} {event.client_id}", detail=event.outcome, url=page)


def _addresses(text: str) -> Iterator[Hit]:
    """As the record writes addresses."""
    address = parsed_address(text)
    if address and IssuanceEvent.objects.filter(ip=str(address)).exists():
        yield Hit(text=str(address), detail="its requests", url=record_link(address=str(address)))


def _credentials(text: str, now: datetime) -> Iterator[Hit]:
    name = CredentialName.parse(text) if NAME.fullmatch(text) else None
    credential = described(name, now=now) if name else None
    if credential:
        page = reverse("admin:credential", args=[credential.name])
        yield Hit(text=credential.label, detail=f"of {credential.client_id}", url=page)
