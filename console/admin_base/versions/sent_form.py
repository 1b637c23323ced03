"""A form's values as a browser sends them, and as a person reads them."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundField

from console.admin_base.fields.times import Duration, Instant
from console.admin_base.fields.values import Lines
from formats.masking import SECRET

MAX_SHOWN = 2_000


def sent(bound: BoundField) -> list[str]:
    """What a browser would send for the field's present value; nothing for a box that is not checked."""
    widget, value = _inner(bound.field.widget), bound.value()
    if isinstance(widget, forms.CheckboxInput):
        return ["on"] if widget.check_test(value) else []
    formatted = widget.format_value(value)
    if isinstance(formatted, list | tuple):
        return [str(each) for each in formatted]
    return [] if formatted is None else [str(formatted)]


def changed_in(form: forms.BaseForm) -> set[str]:
    """The fields that were sent with another value than the form's initial one."""
    return {bound.name for bound in form if bound.field.has_changed(bound.initial, bound.data)}


def shown(bound: BoundField) -> str:
    """As the page shows it: a choice by its label, an instant in one writing, a generated secret masked.

    Empty if there is no value.
    """
    if isinstance(_inner(bound.field.widget), forms.CheckboxInput):
        return "yes" if sent(bound) else "no"
    values = [value for value in sent(bound) if value]
    if isinstance(bound.field, Instant | Duration | Lines):
        values = [_in_one_writing(bound.field, value) for value in values]
    if isinstance(bound.field, forms.ModelChoiceField):
        values = _named(bound.field, values)
    elif isinstance(bound.field, forms.ChoiceField):
        choices: Any = bound.field.choices
        labels = {str(value): str(label) for value, label in choices}
        values = [labels.get(value, value) for value in values]
    return SECRET.sub("[secret]", "\n".join(values))[:MAX_SHOWN]


def _in_one_writing(field: Instant | Duration | Lines, text: str) -> str:
    """What cannot be read stays as it was typed."""
    try:
        value = field.prepare_value(field.to_python(text))
    except ValidationError:
        return text
    widget: Any = field.widget
    return str(widget.format_value(value) or "")


def _named(field: Any, values: Iterable[str]) -> list[str]:
    """A value that names no row of the field stays as it was sent."""
    ids = [value for value in values if value.isascii() and value.isdigit() and len(value) < len(str(2**63))]
    rows = {str(row.pk): field.label_from_instance(row) for row in field.queryset.filter(pk__in=ids)}
    return [rows.get(value, value) for value in values]


def _inner(widget: Any) -> Any:
    """The widget without what Django's admin adds around a choice of rows."""
    return getattr(widget, "widget", widget)
