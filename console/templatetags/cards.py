"""The rows of a list as cards on a phone: each cell says of what column it is."""

import re
from typing import Any

from django import template
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()
CELL = re.compile(r"<t[dh]")


@register.filter
def labelled(cells: list[SafeString], headers: list[dict[str, Any]]) -> list[SafeString]:
    """The cells of a row as Django made them, with the heads of their columns as `data-label`."""
    return [_labelled(cell, header["text"]) for cell, header in zip(cells, headers, strict=True)]


def _labelled(cell: SafeString, head: Any) -> SafeString:
    # The head of the column of checkboxes is a checkbox.
    if "<" in str(head):
        return cell
    label = format_html(' data-label="{}"', str(head)[:1].upper() + str(head)[1:])
    tag = CELL.match(conditional_escape(cell))
    # Both parts are escaped.
    return mark_safe(f"{cell[: tag.end()]}{label}{cell[tag.end() :]}") if tag else cell  # noqa: S308
