"""The page of a row that shows more beside its form than the row's own fields."""

from abc import abstractmethod
from typing import Any

from django.contrib.admin.utils import unquote
from django.http import HttpRequest

from console.admin_base.page import Page


class PanelledPage(Page):
    @abstractmethod
    def panels(self, row: Any) -> dict[str, Any]:
        """The template's values for the row as it is stored, whatever was typed into the form."""

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        row = self.get_object(request, unquote(object_id))
        panels = self.panels(row) if row else {}
        return super().change_view(request, object_id, form_url, {**panels, **(extra_context or {})})
