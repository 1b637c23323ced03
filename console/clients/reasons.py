"""Why an operator acts: a text that goes into the history, asked for where the act stops a service."""

from django import forms

MAX_REASON = 100
HELP = "It is shown in the history and on the client's page, such as “leak, INC-42”. Write no secret here."


class ReasonForm(forms.Form):
    reason = forms.CharField(required=False, max_length=MAX_REASON, help_text=HELP)


class NeededReasonForm(forms.Form):
    reason = forms.CharField(max_length=MAX_REASON, help_text=HELP)
