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


def act(client: Client, page: str, form: dict[str, Any] | None = None, **options: Any) -> Any:
    """Open the page of an act, or of a deletion, and send its form with these fields, and a reason where it asks."""
    shown = client.get(page)
    reason = (
        {"reason": "INC-1"} if "reason" in getattr((shown.context or {}).get("form"), "fields", ()) else {}
    )
    return client.post(page, {**version_in(shown), **reason, **(form or {})}, **options)


def delete_selected(client: Client, page: str, *keys: int, **options: Any) -> Any:
    """Choose these rows of a list, and confirm."""
    chosen = {"action": "delete_selected", "_selected_action": keys}
    version = version_in(client.post(page, chosen))
    return client.post(page, {**chosen, **version, "post": "yes"}, **options)


def version_in(answer: Any) -> dict[str, str]:
    """The version that the form of an answer names; nothing where it names none."""
    version = (answer.context or {}).get("made_from")
    return {"made_from": version} if version else {}
