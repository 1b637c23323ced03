"""Contain: from a client, a credential or a pasted token to five steps. Each act is on a page of its own."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters

from console.admin_base.fields.times import Instant
from console.admin_base.row_ids import MAX_ID
from console.incidents.contain import Leaked, containment, leaked_of
from console.site.admin_site import site
from console.site.permissions import SEES_CONFIGURATION, SEES_RECORD
from console.tokens.pasted_token import Judgement
from console.tokens.pasted_tokens import PastedTokenForm
from relying_parties.models import RelyingParty

LOOKED_BACK = timedelta(days=7)
"""Unless another date is given."""
MAX_INCIDENT = 80
INSTANT = "%Y-%m-%dT%H:%M:%S"
SEVERAL = "Several issuers have a client of this ID: begin at the client's page, or with a credential."
NO_CLIENT = "No client here has this ID."
NO_CREDENTIAL = "No client here has this credential now. The record names one such as secret:12."
NOT_OURS = "No client of this server got this token."


class ContainForm(forms.Form):
    """The values are in the query string, so that the page has a link of its own; a token never is."""

    client = forms.IntegerField(required=False, min_value=1, max_value=MAX_ID, widget=forms.HiddenInput)
    client_id = forms.CharField(required=False, max_length=255, label="Client ID")
    credential = forms.CharField(required=False, max_length=100, label="or credential, such as secret:12")
    since = Instant(required=False, label="Since (UTC)")
    incident = forms.CharField(required=False, max_length=MAX_INCIDENT, label="Name of the incident")

    def clean(self) -> dict[str, Any]:
        """With what has leaked, if anything was named."""
        return self.cleaned_data | {"leaked": None if self.errors else self._leaked()}

    def _leaked(self) -> Leaked | None:
        asked = self.cleaned_data
        if asked["credential"] and not asked["client_id"]:
            return _found(leaked_of(asked["credential"]), NO_CREDENTIAL)
        if not (asked["client"] or asked["client_id"]):
            return None
        # What was typed comes before what the page was opened for.
        name = {"client_id": asked["client_id"]} if asked["client_id"] else {"pk": asked["client"]}
        named = list(RelyingParty.objects.select_related("issuer").filter(**name)[:2])
        if len(named) > 1:
            raise ValidationError(SEVERAL)
        return _found(Leaked(named[0]) if named else None, NO_CLIENT)


def _found(leaked: Leaked | None, otherwise: str) -> Leaked:
    if leaked is None:
        raise ValidationError(otherwise)
    return leaked


@site.acting("contain/", name="contain", permissions=(SEES_RECORD, *SEES_CONFIGURATION))
@sensitive_post_parameters("token")
def contain(request: HttpRequest) -> HttpResponse:
    """GET shows the steps; POST takes a token and leads to those of the client that got it."""
    if request.method == "POST":
        return _of_token(request)
    form = ContainForm(request.GET)
    leaked = form.cleaned_data["leaked"] if form.is_valid() else None
    if leaked is None:
        return _page(request, form=form, token_form=PastedTokenForm())
    return _steps(request, form, leaked)


def _of_token(request: HttpRequest) -> HttpResponse:
    form = PastedTokenForm(request.POST)
    if form.is_valid():
        judgement: Judgement = form.cleaned_data["token"]
        if judgement.token.is_signed and judgement.relying_party:
            return HttpResponseRedirect(f"{reverse('admin:contain')}?{urlencode(_asked(judgement))}")
        form.add_error("token", NOT_OURS)
    return _page(request, form=ContainForm(), token_form=form, status=400)


def _asked(judgement: Judgement) -> dict[str, object]:
    """Of a token of this server: its client, and what proved the client, if that is still here."""
    event, party = judgement.event, judgement.relying_party
    asked: dict[str, object] = {"client": party.pk if party else ""}
    if event is None:
        return asked
    proof = {"credential": event.credential} if leaked_of(event.credential) else {}
    return asked | {"since": f"{event.at:{INSTANT}}"} | proof


def _steps(request: HttpRequest, form: ContainForm, leaked: Leaked) -> HttpResponse:
    now = timezone.now()
    since: datetime = form.cleaned_data["since"] or now - LOOKED_BACK
    incident = form.cleaned_data["incident"]
    named = {"client": leaked.relying_party.pk, "credential": leaked.credential}
    chosen = named | {"since": since, "incident": incident}
    return _page(
        request,
        form=ContainForm(initial=chosen),
        found=containment(leaked, since=since, now=now),
        since=since,
        reason=urlencode({"reason": incident}) if incident else "",
        evidence=urlencode(_evidence(leaked, since)),
        title=f"Contain: {leaked.relying_party}",
    )


def _evidence(leaked: Leaked, since: datetime) -> dict[str, str]:
    party = leaked.relying_party
    asked = {"since": f"{since:{INSTANT}}", "issuer": party.issuer.url, "client": party.client_id}
    return asked | ({"credential": leaked.credential} if leaked.credential else {})


def _page(request: HttpRequest, *, status: int = 200, **context: Any) -> HttpResponse:
    shared = {**site.each_context(request), "title": "Contain"}
    return TemplateResponse(request, "console/contain.html", {**shared, **context}, status=status)
