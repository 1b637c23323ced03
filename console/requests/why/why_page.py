"""Why? Paste a request, a token or a request ID, and see at which step it is refused, and what mends it."""

import re
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters

from audit.models import IssuanceEvent
from audit.reading.filters import Search
from audit.reading.pages import page_of
from console.requests.why.pasted_request import PasteError, sent_by_curl, sent_raw
from console.site.admin_site import site
from console.site.permissions import SEES_CONFIGURATION, SEES_RECORD
from console.steps.steps import ShownStep, steps_of
from console.steps.unstored import unstored_event
from console.tokens.pasted_token import Judgement
from console.tokens.pasted_tokens import PastedTokenForm, Unechoed
from issuance.trials.dry_run import SentRequest, dry_run
from issuance.wire.token_request import MAX_BODY_BYTES
from issuers.models import Issuer
from issuers.versioning.revision import forget
from runtime.rate_limit.windows import Window

DRY_RUNS = Window("dry-runs", seconds=60)
MAX_DRY_RUNS = 30
"""A minute, of one person. So many secrets of all clients together can be tried out here."""
JWT = r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"
TOKEN = re.compile(rf"""(?:authorization:\s*)?(?:bearer\s+|dpop\s+)?["']?({JWT})["']?""", re.IGNORECASE)
ANSWER = re.compile(rf'\{{.*"access_token"\s*:\s*"({JWT})".*\}}', re.DOTALL)
REQUEST_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f-]{36}")
MAX_EVENTS = 2
"""A request has one row, or two where signing failed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One event and its steps. `event` is not stored where it was a dry run."""

    event: IssuanceEvent
    steps: tuple[ShownStep, ...]

    @property
    def gets_token(self) -> bool:
        return self.event.outcome == "issued"


class WhyForm(forms.Form):
    pasted = forms.CharField(
        label="Request, token or request ID",
        max_length=MAX_BODY_BYTES,
        widget=Unechoed(attrs={"rows": 10, "class": "pem", "spellcheck": "false", "autocomplete": "off"}),
        help_text="A curl command; headers, an empty line and a body; a body alone; a token; or the X-Request-ID of an "
        "answer. It is sent in the body, and neither kept nor shown again.",
    )
    issuer = forms.ModelChoiceField(
        queryset=Issuer.objects.order_by("path"),
        required=False,
        help_text="For a request that is pasted without its URL.",
    )
    address = forms.GenericIPAddressField(
        label="From the address",
        required=False,
        unpack_ipv4=True,
        help_text="From where it would come. Empty: the client's networks are not checked.",
    )


@site.acting("audit/why/", name="why", permissions=(SEES_RECORD, *SEES_CONFIGURATION))
@sensitive_post_parameters("pasted")
def why_page(request: HttpRequest) -> HttpResponse:
    form = WhyForm(request.POST if request.method == "POST" else None)
    found = _found(request, form) if form.is_valid() else {}
    context = {
        **site.each_context(request),
        "title": "Why?",
        "form": form,
        "back": reverse("admin:audit_issuanceevent_changelist"),
        **found,
    }
    return TemplateResponse(request, "console/why.html", context)


def _found(request: HttpRequest, form: WhyForm) -> dict[str, Any]:
    """What the template shows. What is not understood becomes an error of the form."""
    pasted = form.cleaned_data["pasted"].strip()
    try:
        if token := TOKEN.fullmatch(pasted) or ANSWER.fullmatch(pasted):
            judgement = _judged(token[1])
            own = [judgement.event] if judgement.token.is_signed else []
            return {"judgement": judgement, "answers": _answers(request, own)}
        if REQUEST_ID.fullmatch(pasted):
            return {"answers": _answers(request, _events(pasted))}
        return {"answers": _answers(request, [_dry_run(request, form, pasted)]), "is_dry_run": True}
    except (PasteError, ValidationError) as error:
        form.add_error("pasted", str(error) if isinstance(error, PasteError) else error)
        return {}


def _answers(request: HttpRequest, events: list[IssuanceEvent | None]) -> list[Answer]:
    return [Answer(event, steps_of(event, viewer=request.user)) for event in events if event]


def _judged(token: str) -> Judgement:
    """Raises ValidationError for what is not a token."""
    form = PastedTokenForm({"token": token})
    if not form.is_valid():
        raise ValidationError(form.errors.as_data()["token"])
    judgement: Judgement = form.cleaned_data["token"]
    return judgement


def _events(request_id: str) -> list[IssuanceEvent | None]:
    """Raises PasteError."""
    found = page_of(Search(name=request_id), size=MAX_EVENTS).events
    if not found:
        raise PasteError("The record has no request with this ID.")
    return list(found)


def _dry_run(request: HttpRequest, form: WhyForm, pasted: str) -> IssuanceEvent:
    """Raises PasteError."""
    person = request.user.get_username()
    sent = _sent(pasted, form.cleaned_data["issuer"])
    if wait := DRY_RUNS.take(person, limit=MAX_DRY_RUNS):
        raise PasteError(f"You had {MAX_DRY_RUNS} dry runs within a minute. Wait {wait} seconds.")
    # What was saved a moment ago counts.
    forget()
    return unstored_event(
        dry_run(sent, address=form.cleaned_data["address"], person=person, now=timezone.now())
    )


def _sent(pasted: str, issuer: Issuer | None) -> SentRequest:
    """Raises PasteError."""
    if pasted.split(maxsplit=1)[0] == "curl":
        return sent_by_curl(pasted)
    issuers = [issuer] if issuer else list(Issuer.objects.all()[:2])
    if len(issuers) != 1 and " HTTP/" not in pasted.partition("\n")[0]:
        raise PasteError("Choose the issuer: the request does not say which one it asks.")
    return sent_raw(pasted, issuer=issuers[0].path if issuers else "")
