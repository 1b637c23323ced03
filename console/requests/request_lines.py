"""The lines of the record's list. Where it is useful, a cell leads to the list of rows with the same value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.credential_name import CredentialName
from audit.models import IssuanceEvent
from audit.reading.reasons import reason_of, reason_text
from console.admin_base.credential_labels import credential_labels
from console.admin_base.instants import ago, written
from console.site.admin_site import SEES_CONFIGURATION
from issuers.models import Issuer
from relying_parties.models import ResourceServer

NOTHING = "-"
MAX_APIS = 3
"""Of one request; how many more it names is shown."""

MAX_SHOWN = 60
"""Characters of a value; the whole of it is in the title."""


@dataclass(frozen=True, slots=True)
class Cell:
    """`link` is empty where there is nothing to lead to; `title` is the value where `text` is a name for it."""

    text: str
    link: str = ""
    title: str = ""

    @property
    def html(self) -> SafeString:
        """Names may be written from right to left. Made here: a page has four hundred cells."""
        shown = format_html("<bdi>{}</bdi>", self.text or NOTHING)
        if not self.link:
            return shown
        title = format_html(' title="{}"', self.title) if self.title else ""
        return format_html('<a href="{}"{}>{}</a>', self.link, title, shown)


@dataclass(frozen=True, slots=True)
class RequestLine:
    event: IssuanceEvent
    at: str
    ago: str
    client: Cell
    issuer: Cell
    apis: tuple[Cell, ...]
    more_apis: int
    outcome: Cell
    reason: Cell
    error: Cell
    credential: Cell
    address: Cell


def request_lines(events: Sequence[IssuanceEvent], *, user: Any, now: datetime) -> tuple[RequestLine, ...]:
    """Names from the configuration are for those who may see it; the others see what the record has."""
    sees_names = user.has_perms(SEES_CONFIGURATION)
    names = _api_names(events) if sees_names else {}
    labels = credential_labels(event.credential for event in events) if sees_names else {}
    return tuple(_line(event, names, labels, now) for event in events)


def _line(
    event: IssuanceEvent, names: Mapping[tuple[str, str], str], labels: Mapping[str, str], now: datetime
) -> RequestLine:
    identifiers = api_identifiers(event)
    reason = reason_of(error=event.error, detail=event.detail)
    return RequestLine(
        event=event,
        at=written(event.at),
        ago=ago(event.at, now=now),
        client=_like(event.client_id, client=event.client_id),
        issuer=_like(event.issuer.removeprefix(settings.PUBLIC_URL) or "/", issuer=event.issuer),
        apis=tuple(_like(names.get((event.issuer, name), name), api=name) for name in identifiers[:MAX_APIS]),
        more_apis=max(len(identifiers) - MAX_APIS, 0),
        outcome=_like(event.get_outcome_display(), outcome=event.outcome),
        reason=_like(
            reason_text(error=event.error, detail=event.detail), reason=reason.name if reason else ""
        ),
        error=_like(event.error, error=event.error),
        credential=_credential(event.credential, labels),
        address=_like(event.ip, address=event.ip),
    )


def api_identifiers(event: IssuanceEvent) -> list[str]:
    """Those of the token or, where none was granted, those that were asked for; each once."""
    return list(dict.fromkeys((event.audience or event.resource_requested).split()))


def _api_names(events: Sequence[IssuanceEvent]) -> dict[tuple[str, str], str]:
    """By the issuer's URL and the identifier."""
    wanted = {name for event in events for name in api_identifiers(event)[:MAX_APIS]}
    servers = ResourceServer.objects.filter(identifier__in=wanted).exclude(name="")
    urls = {issuer.pk: issuer.url for issuer in Issuer.objects.all()}
    return {(urls[server.issuer_id], server.identifier): server.name for server in servers}


def _credential(credential: str, labels: Mapping[str, str]) -> Cell:
    """To its page, for who may see the labels; else to its requests."""
    if credential in labels and CredentialName.parse(credential):
        page = reverse("admin:credential", args=[credential])
        return Cell(labels[credential], page, title=credential)
    return _like(credential, credential=credential)


def _like(shown: str, **asked: str) -> Cell:
    """A link to the list of rows with this value; none for an empty one."""
    (value,) = asked.values()
    text = shown if len(shown) <= MAX_SHOWN else f"{shown[:MAX_SHOWN]}…"
    return Cell(text, f"?{urlencode(asked)}" if value else "", title=value if value != text else "")
