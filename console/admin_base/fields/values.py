"""Form fields for what the models keep as JSON, and for small files."""

import json
import re
from json import JSONDecodeError
from typing import Any, ClassVar

from django import forms
from django.contrib.admin.widgets import AdminTextareaWidget
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput

from formats.json_value import NUL
from formats.strict_json import StrictDecoder
from formats.text import surrogate_problem

SEPARATOR = re.compile(r"[\s,]+")
MAX_UPLOADED = 65_536
"""Bytes: a key and its chain are some thousands."""


class Lines(forms.CharField):
    """A list of strings without spaces, shown one to a line; taken with lines, spaces or commas between them."""

    widget = AdminTextareaWidget(attrs={"rows": 4, "class": "lines", "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return [part for part in SEPARATOR.split(super().to_python(value) or "") if part]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool((initial or []) != self.to_python(data))


class Upload(forms.FileField):
    """A small file's bytes, empty where none was chosen. It is held in memory alone (FILE_UPLOAD_HANDLERS)."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "required": f"Choose a file of at most {MAX_UPLOADED // 1024} kB.",
        "too_large": f"The file has more than {MAX_UPLOADED // 1024} kB.",
    }

    def clean(self, data: Any, initial: Any = None) -> bytes:
        file = super().clean(data, initial)
        if not file:
            return b""
        if file.size > MAX_UPLOADED:
            raise ValidationError(self.error_messages["too_large"], code="too_large")
        content: bytes = file.read()
        return content


class Checkboxes(forms.MultipleChoiceField):
    """A list of some of the choices."""

    widget = forms.CheckboxSelectMultiple

    def has_changed(self, initial: Any, data: Any) -> bool:
        """A value that was written past every form may be something else than a list."""
        return not isinstance(initial, list | None) or super().has_changed(initial, data)


class Json(forms.JSONField):
    """JSON that keeps what was typed and says where it is wrong."""

    widget = AdminTextareaWidget(attrs={"rows": 10, "class": "json", "spellcheck": "false"})

    def __init__(self, **options: Any) -> None:
        super().__init__(**options | {"decoder": StrictDecoder})

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, InvalidJSONInput):
            return value
        if value is None and not self.required:
            return ""
        return json.dumps(value, ensure_ascii=False, indent=2)

    def bound_data(self, data: Any, initial: Any) -> Any:
        """As it was typed: encoded again it could contain a lone surrogate, which no page can have."""
        return initial if self.disabled or data is None else InvalidJSONInput(data)

    def to_python(self, value: Any) -> Any:
        try:
            parsed = super().to_python(value)
            surrogate = surrogate_problem(json.dumps(parsed, ensure_ascii=False))
            _refuse_nul(parsed)
        except ValidationError as error:
            raise ValidationError(_what_is_wrong(value)) from error
        except RecursionError as error:
            raise ValidationError("It is nested too deep.") from error
        except ValueError as error:
            raise ValidationError("It holds a number of too many digits.") from error
        if surrogate:
            raise ValidationError(surrogate)
        return parsed


def _refuse_nul(value: Any) -> None:
    """Raises ValidationError for what PostgreSQL's jsonb cannot hold."""
    if NUL.search(json.dumps(value)):
        raise ValidationError("NUL")


def _what_is_wrong(text: Any) -> str:
    try:
        json.loads(text, cls=StrictDecoder)
    except JSONDecodeError as error:
        where = f"Line {error.lineno}, column {error.colno}: " if error.doc else ""
        return f"Not JSON. {where}{error.msg}."
    return "It holds the character U+0000."
