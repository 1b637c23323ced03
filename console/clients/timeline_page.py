"""The page of one client in time, by its relying party or, when that is deleted, by issuer and client id."""

from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse

from console.admin_base.fields.times import Instant
from console.clients.tabs.tab_links import TIMELINE, TabLink, tab_links
from console.clients.timeline import timeline
from console.site.admin_site import site
from console.site.permissions import SEES_CONFIGURATION
from relying_parties.models import RelyingParty

PRECISE = "%Y-%m-%dT%H:%M:%S.%f"


class TimelineFilter(forms.Form):
    """The values are in the query string."""

    issuer = forms.CharField(max_length=400, label="Issuer's URL")
    client = forms.CharField(max_length=255, label="Client ID")
    until = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)

    def clean_until(self) -> object:
        """With its microseconds: pages begin at such instants."""
        text = self.cleaned_data["until"]
        return Instant(input_formats=[PRECISE], required=False).clean(text)


@site.reading("audit/timeline/", name="audit_timeline", permissions=SEES_CONFIGURATION)
def timeline_page(request: HttpRequest) -> HttpResponse:
    form = TimelineFilter(request.GET or None)
    return _page(request, form, asked=request.GET.dict())


@site.reading(
    "relying_parties/relyingparty/<int:relying_party_id>/timeline/",
    name="relying_parties_relyingparty_timeline",
    permissions=SEES_CONFIGURATION,
)
def relying_party_timeline(request: HttpRequest, relying_party_id: int) -> HttpResponse:
    parties = RelyingParty.objects.select_related("issuer")
    relying_party = get_object_or_404(parties, pk=relying_party_id)
    asked = {"issuer": relying_party.issuer.url, "client": relying_party.client_id}
    form = TimelineFilter(asked | {"until": request.GET.get("until", "")})
    return _page(request, form, asked={})


def _tabs(relying_party: RelyingParty, request: HttpRequest) -> list[TabLink]:
    return tab_links(relying_party, current=TIMELINE, user=request.user)


def _page(request: HttpRequest, form: TimelineFilter, *, asked: dict[str, str]) -> HttpResponse:
    """`asked` is repeated in a link to the next page."""
    found = None
    if form.is_valid():
        values = form.cleaned_data
        found = timeline(issuer=values["issuer"], client_id=values["client"], until=values["until"])
    context = {
        **site.each_context(request),
        "title": f"Timeline of {found.client_id}" if found else "Timeline of a client",
        "form": form,
        "timeline": found,
        "tabs": _tabs(found.relying_party, request) if found and found.relying_party else [],
        "older": f"?{urlencode(asked | {'until': f'{found.older:{PRECISE}}'})}"
        if found and found.older
        else "",
    }
    is_wrong = form.is_bound and not form.is_valid()
    return TemplateResponse(request, "console/client_timeline.html", context, status=400 if is_wrong else 200)
