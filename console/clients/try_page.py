"""Try a client: a real token that lives a minute at most, its steps, and whether an API would take it."""

from dataclasses import dataclass, field

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from audit.models import IssuanceEvent
from console.clients.ask_programs import environment_of, programs_for
from console.clients.curl_command import curl_command, what_it_needs
from console.clients.tabs.tab_links import TRY_IT, tab_links
from console.clients.try_form import TryForm
from console.site.admin_site import site
from console.steps.steps import ShownStep, steps_of
from console.steps.unstored import unstored_event
from console.tokens.token_preview import json_of
from issuance.signed_jwt import JwtRefusedError
from issuance.trials.as_an_api import Verified, verified_as_an_api
from issuance.trials.trial import MAX_LIFETIME, Tried, try_client
from issuers.directory import IssuerSnapshot
from issuers.versioning.revision import forget
from relying_parties.models import RelyingParty

MASKED = 12
"""Characters of the token that are shown before somebody reveals it."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What the page shows of a try. `verified` is None without a token, or for one that is too long to be read."""

    event: IssuanceEvent
    steps: tuple[ShownStep, ...]
    token: str = field(default="", repr=False)
    verified: Verified | None = None

    @property
    def masked(self) -> str:
        return f"{self.token[:MASKED]}…"

    @property
    def header(self) -> str:
        return json_of(self.verified.header) if self.verified else ""

    @property
    def claims(self) -> str:
        return json_of(self.verified.claims) if self.verified else ""


@site.acting(
    "relying_parties/relyingparty/<int:relying_party_id>/try/",
    name="try_client",
    permissions=("relying_parties.try_relyingparty", "relying_parties.view_relyingparty"),
)
def try_page(request: HttpRequest, relying_party_id: int) -> HttpResponse:
    # What was saved a moment ago counts.
    forget()
    relying_party = get_object_or_404(RelyingParty.objects.select_related("issuer"), pk=relying_party_id)
    form = TryForm(request.POST if request.method == "POST" else None, relying_party=relying_party)
    context = {
        **site.each_context(request),
        "relying_party": relying_party,
        "tabs": tab_links(relying_party, current=TRY_IT, user=request.user),
        "form": form,
        "trial": _trial(request, form, relying_party) if form.is_valid() else None,
        "max_lifetime": MAX_LIFETIME,
        "back": reverse("admin:relying_parties_relyingparty_change", args=[relying_party.pk]),
        "command": curl_command(relying_party),
        "needs": what_it_needs(relying_party),
        "environment": environment_of(relying_party),
        "programs": programs_for(relying_party),
    }
    return TemplateResponse(request, "console/try_client.html", context)


def _trial(request: HttpRequest, form: TryForm, relying_party: RelyingParty) -> Trial:
    issuer = IssuerSnapshot.of(relying_party.issuer)
    tried = try_client(
        form.request,
        client=form.client,
        issuer=issuer,
        actor=request.user.get_username(),
        meta=request.META,
        now=timezone.now(),
    )
    event = _event_of(tried)
    return Trial(
        event=event,
        steps=steps_of(event, viewer=request.user),
        token=tried.access_token,
        verified=_verified(tried.access_token, issuer, event) if tried.access_token else None,
    )


def _event_of(tried: Tried) -> IssuanceEvent:
    """As it is stored, if it is."""
    if tried.event_id is None:
        return unstored_event(tried.entry)
    return IssuanceEvent.objects.get(pk=tried.event_id)


def _verified(token: str, issuer: IssuerSnapshot, event: IssuanceEvent) -> Verified | None:
    audience = event.audience.split()[0]
    try:
        return verified_as_an_api(token, issuer=issuer, audience=audience, now=timezone.now())
    except JwtRefusedError:
        return None
