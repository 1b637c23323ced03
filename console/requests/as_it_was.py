"""The configuration as it was when a request came: from its history, with the changes since."""

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_safe

from audit.models import IssuanceEvent
from console.admin_base.change_history import changes_since, values_of
from console.admin_base.page import Page
from console.requests.event_objects import KINDS, label_of, named_in, row_then


class AsItWasPage(Page):
    """Mixed into the record's page."""

    def get_urls(self) -> list[URLPattern]:
        url = path(
            "<int:event_id>/then/<slug:kind>/<int:number>/",
            self.admin_site.admin_view(self.as_it_was),
            name="audit_issuanceevent_then",
        )
        return [url, *super().get_urls()]

    @method_decorator(require_safe)
    def as_it_was(self, request: HttpRequest, event_id: int, kind: str, number: int) -> HttpResponse:
        """For an object that the event names, and no other."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        event = get_object_or_404(IssuanceEvent, pk=event_id)
        if not any((named.kind, named.id) == (kind, number) for named in named_in(event)):
            raise Http404
        opts = KINDS[kind]._meta
        if not request.user.has_perm(f"{opts.app_label}.view_{opts.model_name}"):
            raise PermissionDenied
        row = row_then(event, kind, number)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "event": event,
            "words": opts.verbose_name,
            "label": label_of(row),
            "row": row,
            "values": values_of(row),
            "changes": changes_since(row),
        }
        return TemplateResponse(request, "console/as_it_was.html", context)
