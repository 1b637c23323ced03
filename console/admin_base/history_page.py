"""The page that shows the history of an object, and changes nothing."""

from typing import Any

from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from console.admin_base.change_history import Change, changes_of
from console.admin_base.page import Page


class HistoryPage(Page):
    object_history_template = "console/history.html"

    def changes(self, row: Any) -> list[Change]:
        """What the page shows, newest first."""
        return changes_of(row)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined, no-any-return]
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": f"History of {row}",
            "opts": self.opts,
            "object": row,
            "changes": self.changes(row),
        }
        return TemplateResponse(request, self.object_history_template, context)
