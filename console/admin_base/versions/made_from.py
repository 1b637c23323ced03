"""The version that a form of the console was made from: how it is sent, and what a page shows if it has changed."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.http import HttpRequest, QueryDict
from django.template.response import TemplateResponse

from console.admin_base.change_history import Change
from console.admin_base.versions.merged_form import Typed

MADE_FROM = "made_from"
CONFLICT = 409


def sent_version(request: HttpRequest) -> str:
    return request.POST.get(MADE_FROM, "")


def stale_form(changes: Sequence[Change], *, typed: Iterable[Typed], is_known: bool) -> dict[str, Any]:
    """For a form that shows what is stored and what was typed. `is_known`: the version it was made from is known."""
    typed = tuple(typed)
    is_stored = is_known and bool(typed) and all(field.typed == field.now for field in typed)
    return {"changes": changes, "typed": typed, "is_known": is_known, "is_stored": is_stored}


def stale_act(changes: Sequence[Change], *, is_known: bool) -> dict[str, Any]:
    """For a page that asks whether to act on an object as it is."""
    return {"changes": changes, "is_known": is_known, "is_act": True}


def conflict(response: Any) -> Any:
    """The page that asks again; a redirection stays one."""
    if isinstance(response, TemplateResponse):
        response.status_code = CONFLICT
    return response


def with_context(response: Any, context: dict[str, Any]) -> Any:
    """The page with this for its template; a redirection stays as it is."""
    if isinstance(response, TemplateResponse) and response.context_data is not None:
        response.context_data |= context
    return response


def replaced(sent: QueryDict, data: Any) -> QueryDict:
    """The data with these values of fields. Buttons and everything else stay."""
    kept = sent.copy()
    counts = tuple(name.removesuffix("TOTAL_FORMS") for name in data if name.endswith("-TOTAL_FORMS"))
    for name in list(kept):
        if counts and name.startswith(counts):
            del kept[name]
    for name, values in data.items():
        kept.setlist(name, values)
    return kept
