"""An operator's changes in an old form, merged with what is stored now.

Field by field: one that the operator changed keeps what was typed, every other one has what is stored now. So saving
the form again changes only what the operator changed.
"""

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model
from django.forms import BaseForm
from django.http import QueryDict

from console.admin_base.versions.sent_form import changed_in, sent, shown

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Before:
    """What a form was made from: its fields, and for each kind of part those of each row by primary key."""

    fields: Values
    parts: Mapping[str, Mapping[int, Values]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Typed:
    """A field that the operator changed. `is_contested`: someone else changed it meanwhile, to something else."""

    name: str
    before: str
    now: str
    typed: str
    is_contested: bool


@dataclass(frozen=True, slots=True)
class Merged:
    """`data`: the new content of the form, by the name of the field."""

    data: Mapping[str, list[str]]
    typed: tuple[Typed, ...]


def merged_fields(
    make: Callable[..., BaseForm],
    data: QueryDict,
    *,
    row: Model,
    before: Values | None,
    prefix: str | None = None,
    of: str = "",
) -> Merged:
    """Without `before`, every difference from what is stored counts as typed. `of` is the prefix of field names."""
    initial = _plain_values(before or {})
    now = make(instance=row, prefix=prefix)
    then = make(instance=copy(row), initial=initial, prefix=prefix)
    asked = make(_plain(data), instance=copy(row), initial=initial, prefix=prefix)
    fields = [bound for bound in now if not bound.field.disabled]
    names = changed_in(asked)
    changed = [bound for bound in fields if bound.name in names]
    return Merged(
        data={bound.name: sent(bound) for bound in fields}
        | {bound.name: data.getlist(bound.html_name) for bound in changed},
        typed=tuple(
            _typed(
                f"{of}{bound.label}",
                before=shown(then[bound.name]) if before is not None else "",
                now=shown(bound),
                typed=shown(asked[bound.name]),
                is_known=before is not None,
            )
            for bound in changed
        ),
    )


def _typed(name: str, *, before: str, now: str, typed: str, is_known: bool) -> Typed:
    is_contested = typed != now and (before != now or not is_known)
    return Typed(name=name, before=before, now=now, typed=typed, is_contested=is_contested)


def _plain(data: QueryDict) -> QueryDict:
    """With line ends as they are stored; a browser sends others."""
    plain = data.copy()
    for name, values in data.lists():
        plain.setlist(name, [_with_plain_lines(value) for value in values])
    return plain


def _plain_values(values: Values) -> Values:
    return {name: _with_plain_lines(value) for name, value in values.items()}


def _with_plain_lines(value: Any) -> Any:
    return value.replace("\r\n", "\n") if isinstance(value, str) else value
