"""What a browser would send back from a page of the console."""

from typing import Any

from django.test import Client


def form_of(client: Client, page: str) -> dict[str, Any]:
    """The fields of the page's form and of its inlines, as they stand. An unchecked box is not sent."""
    return form_in(client.get(page))


def form_in(answer: Any) -> dict[str, Any]:
    """Those of an answer that holds a form."""
    context = answer.context
    forms = [context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    values = {bound.html_name: _sent(bound) for form in forms for bound in form}
    values["made_from"] = context.get("made_from")
    return {name: value for name, value in values.items() if value is not None and value is not False}


def _sent(bound: Any) -> Any:
    value = bound.value()
    # The format of an instant is its widget's.
    return bound.field.widget.format_value(value) if hasattr(bound.field.widget, "format") else value
