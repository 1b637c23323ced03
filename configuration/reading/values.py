"""From a value of the file to the value of a model's field."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from configuration.reading.document import Node

JSON_TYPES: dict[type, str] = {
    bool: "true or false", int: "a whole number", float: "a number",
    str: "a text", list: "a list", dict: "a mapping",
}  # fmt: skip


def typed(node: Node, kind: type) -> Any:
    """The node's value, which must be of this type. Raises ValueError without the value, which may be a secret."""
    if type(node.value) is kind:
        return node.value
    found = "empty" if node.value is None else JSON_TYPES[type(node.value)]
    in_quotes = ": put it in quotes" if kind is str and isinstance(node.value, bool | int | float) else ""
    raise ValueError(f"must be {JSON_TYPES[kind]}, is {found}{in_quotes}.")


def filled_text(node: Node) -> str:
    """Raises ValueError."""
    text: str = typed(node, str)
    if not text:
        raise ValueError("must not be empty: leave it out otherwise.")
    return text


def field_value(node: Node, field: models.Field[Any, Any]) -> Any:
    """The value for this field; a reference stays the name of its object. Raises ValueError."""
    if node.value is None and field.null:
        return None
    if isinstance(field, models.JSONField):
        return node.plain
    if isinstance(field, models.BooleanField):
        return typed(node, bool)
    if isinstance(field, models.IntegerField):
        return typed(node, int)
    return _of_field(typed(node, str), field)


def same(one: Any, other: Any) -> bool:
    """Whether two values are one JSON value: true is not 1, but 1.0 is."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(*pair) for pair in zip(one, other, strict=True))
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _of_field(text: str, field: models.Field[Any, Any]) -> Any:
    if isinstance(field, models.DateTimeField):
        return _instant(text)
    if isinstance(field, models.GenericIPAddressField):
        return _address(text, field)
    return _chosen(text, field)


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
        # Some instants of the years 1 and 9999 have no equal in UTC.
        is_known = instant.tzinfo is not None and instant.astimezone(UTC) is not None
    except (ValueError, OverflowError):
        is_known = False
    if not is_known:
        raise ValueError("must be an instant with its zone, such as 2030-01-31T12:00:00Z.")
    return instant


def _address(text: str, field: models.GenericIPAddressField[Any, Any]) -> str | None:
    """As it is stored, so that another spelling is not a change; None for an empty one."""
    try:
        return field.to_python(text) or None
    except ValidationError as error:
        raise ValueError("must be an IP address.") from error


def _chosen(text: str, field: models.Field[Any, Any]) -> str:
    if field.choices is None or (field.blank and not text):
        return text
    choices = [value for value, _ in field.flatchoices]
    if text not in choices:
        raise ValueError(f"must be one of {', '.join(choices)}.")
    return text
