"""The page of one token request: what happened, and its configuration as it is now and as it was then."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin.utils import unquote
from django.http import HttpRequest
from django.urls import reverse

from audit.models import IssuanceEvent
from console.admin_base.panelled_page import PanelledPage
from console.requests.event_objects import KINDS, Named, named_in
from console.requests.event_story import Chapter, story_of
from console.steps.steps import steps_of
from console.tokens.client_status import status_after


@dataclass(frozen=True, slots=True)
class NamedLink:
    words: str
    label: str
    now_url: str
    then_url: str


@dataclass(frozen=True, slots=True)
class Part:
    chapter: Chapter
    named: tuple[NamedLink, ...]


class EventPage(PanelledPage):
    """Mixed into the record's page."""

    change_form_template = "console/event.html"

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        row = self.get_object(request, unquote(object_id))
        steps = {"steps": steps_of(row, viewer=request.user)} if row else {}
        return super().change_view(request, object_id, form_url, {**steps, **(extra_context or {})})

    def panels(self, row: IssuanceEvent) -> dict[str, Any]:
        found = named_in(row)
        return {
            "story": [
                Part(chapter, tuple(_link(row, named) for named in found if named.about in chapter.about))
                for chapter in story_of(row, status=status_after(row))
            ],
            "timeline": _timeline(row),
        }


def _timeline(event: IssuanceEvent) -> str:
    """By issuer and client ID, which outlive the relying party; empty where the request named none."""
    if not (event.issuer and event.client_id):
        return ""
    asked = urlencode({"issuer": event.issuer, "client": event.client_id})
    return f"{reverse('admin:audit_timeline')}?{asked}"


def _link(event: IssuanceEvent, named: Named) -> NamedLink:
    now_url = ""
    if named.page:
        opts = KINDS[named.page[0]]._meta
        now_url = reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[named.page[1]])
    then_url = reverse("admin:audit_issuanceevent_then", args=[event.pk, named.kind, named.id])
    return NamedLink(words=named.words, label=named.label, now_url=now_url, then_url=then_url)
