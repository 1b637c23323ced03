"""The list of the record: keyset pages and no COUNT, so that the first page of many rows costs as little."""

from datetime import datetime
from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from audit.models import IssuanceEvent
from audit.reading.pages import Page, page_of
from audit.reading.positions import Position
from console.requests.quick_ranges import quick_ranges
from console.requests.record_filter import RecordFilter
from console.requests.request_lines import RequestLine, request_lines

OLDER, NEWER = "older_than", "newer_than"


class RecordList(ChangeList):
    """`newest`, `newer` and `older` are query strings of pages, empty if there is no such page.

    `looked_until` is set if the page ended because enough rows were looked at; `further` is where it goes on.
    """

    newest = newer = older = further = ""
    went = "back to"
    looked_until: datetime | None = None
    looked_at = 0
    filter_form: RecordFilter
    lines: tuple[RequestLine, ...] = ()

    @property
    def quick_ranges(self) -> list[tuple[str, str]]:
        """Each with its query string, in the filter that is shown."""
        kept = [OLDER, NEWER, "since", "until"]
        return [
            (label, self.get_query_string(asked, remove=kept))
            for label, asked in quick_ranges(timezone.now()).items()
        ]

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[IssuanceEvent]:
        self.filter_specs: list[Any] = []
        self.has_filters = self.has_active_filters = False
        self.filter_form = RecordFilter(request.GET)
        return self.root_queryset.none()

    def get_results(self, request: HttpRequest) -> None:
        page = self._page(request.GET)
        if page.newer:
            self.newest = self.get_query_string(remove=[OLDER, NEWER])
            self.newer = self._neighbour(NEWER, page.newer)
        if page.older:
            self.older = self._neighbour(OLDER, page.older)
        is_forwards = NEWER in request.GET and OLDER not in request.GET
        self.looked_until, self.looked_at = page.looked_until, page.looked_at
        self.went = "up to" if is_forwards else "back to"
        self.further = self.newer if is_forwards else self.older
        self.result_list = list(page.events)
        self.lines = request_lines(page.events, user=request.user, now=timezone.now())
        self.result_count = self.full_result_count = len(page.events)
        self.show_full_result_count = self.show_admin_actions = self.can_show_all = self.multi_page = False
        self.paginator = Paginator(self.result_list, self.list_per_page)

    def _page(self, asked: Any) -> Page:
        """Empty if the filter is invalid."""
        if not self.filter_form.is_valid():
            return Page(events=())
        return page_of(
            self.filter_form.event_filter.search,
            size=self.list_per_page,
            older_than=Position.parse(asked.get(OLDER)),
            newer_than=Position.parse(asked.get(NEWER)),
        )

    def _neighbour(self, name: str, position: Position) -> str:
        return self.get_query_string({name: str(position)}, remove=[OLDER, NEWER])
