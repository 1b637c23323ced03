"""JSON for those who may read and not change: pretty, where Django's admin shows one long line."""

import json
from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.html import format_html

from console.generics import BaseAdmin


class ReadableJson(BaseAdmin):
    """Mixed into a page or an inline."""

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if self.has_change_permission(request, obj):
            return fieldsets
        return [
            (name, {**options, "fields": [self._readable(field) for field in options["fields"]]})
            for name, options in fieldsets
        ]

    def _readable(self, name: Any) -> Any:
        by_name: dict[str, Any] = {field.name: field for field in self.opts.concrete_fields}
        field = by_name.get(name) if isinstance(name, str) else None
        return _shown(field) if isinstance(field, models.JSONField) else name


def _shown(field: Any) -> Callable[[models.Model], str]:
    @admin.display(description=field.verbose_name)
    def shown(row: models.Model) -> str:
        value = getattr(row, field.name)
        is_list_of_text = isinstance(value, list) and all(isinstance(member, str) for member in value)
        text = "\n".join(value) if is_list_of_text else json.dumps(value, ensure_ascii=False, indent=2)
        return format_html("<pre>{}</pre>", text) if value not in (None, [], {}) else "-"

    return shown
