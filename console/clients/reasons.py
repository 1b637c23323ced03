"""Why an operator acts: a text that goes into the history, asked for where the act stops a service."""

from typing import Any

from django import forms
from django.http import HttpRequest

MAX_REASON = 100
HELP = "It is shown in the history and on the client's page, such as “leak, INC-42”. Write no secret here."


class ReasonForm(forms.Form):
    reason = forms.CharField(required=False, max_length=MAX_REASON, help_text=HELP)


class NeededReasonForm(forms.Form):
    reason = forms.CharField(max_length=MAX_REASON, help_text=HELP)


def asked_reason(
    request: HttpRequest, form: type[ReasonForm] | type[NeededReasonForm]
) -> ReasonForm | NeededReasonForm:
    """Filled in from a link that names an incident."""
    return form(request.POST if request.method == "POST" else None, initial=initial_reason(request))


def initial_reason(request: HttpRequest) -> dict[str, Any]:
    return {"reason": request.GET.get("reason", "")[:MAX_REASON]}
