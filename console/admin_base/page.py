"""What every page of a model shares."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest

from console.admin_base.row_ids import RowIds

LOOKUPS = ("", "exact", "id__exact", "isnull")
"""The look-ups of a filter's link. A regular expression, which SQLite runs in this process, is not among them."""
MAX_NAMED = 20
"""Rows that a panel lists. How many more there are is shown."""
MAX_SEARCH = 1_000
"""Characters. SQLite fails at a pattern of 50,000 bytes, and at a thousand words."""


class Page(RowIds):
    """Filters by nothing but what `list_filter` declares, so that no look-up in a URL reaches another column."""

    list_per_page = 50
    view_on_site = False

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        declared = {entry[0] if isinstance(entry, tuple) else entry for entry in self.list_filter}
        field, _, how = lookup.partition("__")
        is_declared = field in declared and how in LOOKUPS and "\x00" not in str(value)
        return is_declared and super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:
        """Pop-ups refer to a row by its primary key."""
        return to_field in {"id", self.opts.pk.name}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """PostgreSQL accepts no text with a NUL."""
        if len(search_term) > MAX_SEARCH:
            messages.warning(
                request, f"A search has at most {MAX_SEARCH:,} characters. This search was not run."
            )
            return queryset.none(), False
        return super().get_search_results(request, queryset, search_term.replace("\x00", ""))

    def url_name(self, page: str) -> str:
        return f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}"
