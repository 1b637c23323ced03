"""What every page of a model shares."""

from typing import Any

from django.http import HttpRequest

from console.generics import ModelAdmin


class Page(ModelAdmin):
    """Filters by nothing but what `list_filter` declares, so that no look-up in a URL reaches another column."""

    list_per_page = 50
    view_on_site = False

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        declared = {entry[0] if isinstance(entry, tuple) else entry for entry in self.list_filter}
        is_declared = lookup.partition("__")[0] in declared and "\x00" not in str(value)
        return is_declared and super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def url_name(self, page: str) -> str:
        return f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}"
