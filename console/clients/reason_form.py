"""Why an act is done: the history keeps it."""

from typing import Any

from django import forms
from django.http import HttpRequest

MAX_REASON = 100
"""The length of its column in the history."""


class ReasonForm(forms.Form):
    reason = forms.CharField(
        required=False,
        max_length=MAX_REASON,
        help_text="It is shown in the history and on the client's page, such as “leak, INC-42”. Write no secret here.",
    )


def reason_form(request: HttpRequest) -> ReasonForm:
    """Filled in from a link that names an incident."""
    return ReasonForm(request.POST if request.method == "POST" else None, initial=initial_reason(request))


def initial_reason(request: HttpRequest) -> dict[str, Any]:
    return {"reason": request.GET.get("reason", "")[:MAX_REASON]}
