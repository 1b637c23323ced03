"""Form fields for instants and durations: one text input each, as people write them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from django import forms
from django.contrib.admin.widgets import AdminTextInputWidget
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from formats.durations import read_duration, write_duration

FIRST_YEAR = 1970
OUT_OF_CALENDAR = f"Choose a time in the years {FIRST_YEAR} to 9999."
NEVER = "never"
AHEAD = re.compile(r"[0-9]\s*[a-z]")
"""How far ahead has a unit: a number alone may be meant for a year or a date."""
SOON = ("7 days", "30 days", "90 days", "1 year")
"""What a browser offers for an instant that lies ahead."""


class InstantInput(forms.DateTimeInput):
    """Shows `2026-12-05 00:00`, and seconds where there are any. The console's time zone is UTC."""

    def format_value(self, value: Any) -> Any:
        if not isinstance(value, datetime):
            return value
        return f"{value:{'%Y-%m-%d %H:%M:%S' if value.second else '%Y-%m-%d %H:%M'}}"


class Instant(forms.DateTimeField):
    """A moment in UTC from 1970 on."""

    widget = InstantInput
    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": "Write a time such as 2026-12-05 00:00."}

    def __init__(self, **options: Any) -> None:
        super().__init__(**options | {"help_text": f"{options.get('help_text', '')} UTC.".strip()})

    def to_python(self, value: Any) -> Any:
        text = value.strip().removesuffix("UTC").rstrip() if isinstance(value, str) else value
        try:
            at = super().to_python(text)
            at = at and at.astimezone(UTC)
        except OverflowError as error:
            raise ValidationError(OUT_OF_CALENDAR) from error
        if at and at.year < FIRST_YEAR:
            raise ValidationError(OUT_OF_CALENDAR)
        return at


class DeadlineInput(InstantInput):
    """The browser offers what is asked for most."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        choices = f"{(attrs or {}).get('id', name)}_choices"
        box = super().render(name, value, {**(attrs or {}), "list": choices}, renderer)
        offered = SOON if self.is_required else (*SOON, NEVER)
        options = format_html_join("", '<option value="{}"></option>', ((choice,) for choice in offered))
        return format_html('{}<datalist id="{}">{}</datalist>', box, choices, options)


class Deadline(Instant):
    """An instant, or how far it lies ahead: `30 days`; `never` is the empty one."""

    widget = DeadlineInput
    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": "Write a time such as 2026-12-05 00:00, or how far ahead, such as 30 days."
    }

    def to_python(self, value: Any) -> Any:
        text = value.strip().lower() if isinstance(value, str) else ""
        if text == NEVER:
            return None
        if not AHEAD.search(text):
            return super().to_python(value)
        try:
            ahead = timedelta(seconds=read_duration(text))
            return timezone.now().replace(second=0, microsecond=0) + ahead
        except ValueError:
            return super().to_python(value)
        except OverflowError as error:
            raise ValidationError(OUT_OF_CALENDAR) from error


class Duration(forms.CharField):
    """Seconds, shown and taken as `90 days` or `1 h 30 min`."""

    widget = AdminTextInputWidget(attrs={"class": "duration", "spellcheck": "false"})

    def __init__(self, *, min_value: int = 0, **options: Any) -> None:
        """`min_value` is what every number of seconds has: no text means less than none."""
        super().__init__(max_length=100, empty_value=None, **options)

    def prepare_value(self, value: Any) -> Any:
        return write_duration(value) if isinstance(value, int) else value

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if text is None:
            return None
        try:
            return read_duration(text)
        except ValueError as error:
            raise ValidationError(str(error)) from error

    def run_validators(self, value: Any) -> None:
        """Those of the text are in `to_python`; the model has the others."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != initial)
        except ValidationError:
            return True
