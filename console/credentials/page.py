"""The page of a credential, by its name in the record: `secret:12`, `federated:4`, `key:9:THUMBPRINT`."""

import re
from datetime import timedelta
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from audit.credential_name import CredentialName
from console.admin_base.fields.times import Instant
from console.admin_base.instants import ago
from console.credentials.described import described
from console.credentials.uses import uses_of
from console.requests.record_links import record_link
from console.site.admin_site import site
from console.site.permissions import SEES_CONFIGURATION

USUAL = timedelta(days=7)
NAME = re.compile(r"(secret|federated):[0-9]+|(key|certificate):[0-9]+:[A-Za-z0-9_-]+")


class NewSince(forms.Form):
    """From the query string."""

    since = Instant(label="New since (UTC)", required=False)


@site.reading("audit/credential/<str:name>/", name="credential", permissions=SEES_CONFIGURATION)
def credential_page(request: HttpRequest, name: str) -> HttpResponse:
    now = timezone.now()
    parsed = CredentialName.parse(name) if NAME.fullmatch(name) else None
    credential = described(parsed, now=now) if parsed else None
    if parsed is None or credential is None:
        raise Http404
    usual = (now - USUAL).replace(second=0, microsecond=0)
    form = NewSince(request.GET if "since" in request.GET else None, initial={"since": usual})
    new_since = (form.is_valid() and form.cleaned_data["since"]) or usual
    uses = uses_of(name, new_since=new_since, now=now)
    if parsed.thumbprint and not (credential.made or uses.first):
        raise Http404
    context: dict[str, Any] = {
        **site.each_context(request),
        "title": f"{credential.label} of {credential.client_id}",
        "credential": credential,
        "uses": uses,
        "last_ago": ago(uses.last, now=now) if uses.last else "",
        "new_since": new_since,
        "form": form,
        "requests": record_link(credential=name),
        "refused": record_link(credential=name, outcome="refused"),
    }
    is_wrong = form.is_bound and not form.is_valid()
    return TemplateResponse(request, "console/credential.html", context, status=400 if is_wrong else 200)
