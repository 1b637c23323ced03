"""The list of the record: keyset pages and no COUNT, so that the first page of many rows costs as little."""

from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

from audit.models import IssuanceEvent
from console.record_filter import RecordFilter

OLDER, NEWER = "older_than", "newer_than"


class RecordList(ChangeList):
    """`newest`, `newer` and `older` are query strings of pages, empty where there is none to go to."""

    newest = newer = older = ""
    filter_form: RecordFilter

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[IssuanceEvent]:
        self.filter_specs: list[Any] = []
        self.has_filters = self.has_active_filters = False
        self.filter_form = RecordFilter(request.GET)
        return self.filter_form.apply(self.root_queryset)

    def get_results(self, request: HttpRequest) -> None:
        page, has_newer, has_older = self._page(request.GET)
        if page and has_newer:
            self.newest = self.get_query_string(remove=[OLDER, NEWER])
            self.newer = self._neighbour(NEWER, page[0].pk)
        if page and has_older:
            self.older = self._neighbour(OLDER, page[-1].pk)
        self.result_list = page
        self.result_count = self.full_result_count = len(page)
        self.show_full_result_count = self.show_admin_actions = self.can_show_all = self.multi_page = False
        self.paginator = Paginator(page, self.list_per_page)

    def _page(self, asked: Any) -> tuple[list[IssuanceEvent], bool, bool]:
        """The rows of a page, newest first, and whether there are newer and older ones."""
        size = self.list_per_page
        if newer_than := _row_id(asked.get(NEWER)):
            rows = list(self.queryset.filter(pk__gt=newer_than).order_by("pk")[: size + 1])
            return rows[:size][::-1], len(rows) > size, True
        older_than = _row_id(asked.get(OLDER))
        below = self.queryset.filter(pk__lt=older_than) if older_than else self.queryset
        rows = list(below.order_by("-pk")[: size + 1])
        return rows[:size], older_than is not None, len(rows) > size

    def _neighbour(self, name: str, row_id: int) -> str:
        return self.get_query_string({name: row_id}, remove=[OLDER, NEWER])


def _row_id(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None  # noqa: PLR2004
