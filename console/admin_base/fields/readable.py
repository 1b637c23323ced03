"""For users who may read but not change: JSON indented, where Django's admin shows one long line, and durations."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.html import format_html

from console.admin_base.generics import BaseAdmin
from formats.durations import write_duration
from issuers.seconds import Seconds

NOTHING = "-"


class ReadableJson(BaseAdmin):
    """Mixed into a page or an inline."""

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if self.has_change_permission(request, obj):
            return fieldsets
        readable = self._readable_fields()
        return [
            (name, {**options, "fields": [readable.get(field, field) for field in options["fields"]]})
            for name, options in fieldsets
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        if self.has_change_permission(request, obj):
            return fields
        return (*fields, *self._readable_fields().values())

    def _readable_fields(self) -> dict[Any, Any]:
        fields = self.model._meta.concrete_fields
        return {
            field.name: _shown(field) for field in fields if isinstance(field, (models.JSONField, Seconds))
        }


@cache
def _shown(field: Any) -> Callable[[models.Model], str]:
    @admin.display(description=field.verbose_name)
    def shown(row: models.Model) -> str:
        value = getattr(row, field.name)
        if value in (None, [], {}):
            return NOTHING
        if isinstance(field, Seconds):
            return write_duration(value)
        is_list_of_text = isinstance(value, list) and all(isinstance(member, str) for member in value)
        text = "\n".join(value) if is_list_of_text else json.dumps(value, ensure_ascii=False, indent=2)
        return format_html("<pre>{}</pre>", text)

    return shown
