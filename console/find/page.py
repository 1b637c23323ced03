"""The page that finds anything. What is pasted comes in the body of a POST, is neither kept nor shown again."""

from http import HTTPStatus
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from console.find.configuration import KINDS, named_exactly, named_like
from console.find.pasted import Kind, Pasted, pasted_of
from console.find.record import in_record
from console.find.secret_lookup import MAX_PER_MINUTE, MAY_LOOK_UP, looked_up
from console.site.admin_site import site
from console.site.permissions import SEES_RECORD
from console.tokens.pasted_tokens import PastedTokenForm, Unechoed
from issuance.signed_jwt import MAX_JWT_LENGTH

MAX_PASTED = MAX_JWT_LENGTH + 4_000
"""Characters: a token, and the JSON around it."""
MAX_NAME = 400
NOT_YOURS = "It looks like a {}, and you may not look those up. Nothing was searched."


PRIVATE_KEY = (
    "It looks like a private key. Nothing was searched, and nothing of it was kept: whoever has it can use it, so "
    "replace it where it was meant to be secret."
)


class FindForm(forms.Form):
    text = forms.CharField(
        label="Find",
        max_length=MAX_PASTED,
        widget=Unechoed(attrs={"rows": 3, "class": "pem", "spellcheck": "false", "autocomplete": "off"}),
        help_text="A client, API, issuer, claim template or key by its name or ID; a token ID (jti), request ID or "
        "address; a credential by its label; a token or a secret itself. It is sent in the body, and neither kept nor "
        "shown again.",
    )
    is_secret = forms.BooleanField(
        required=False,
        label="It is a secret that a person chose",
        help_text="Then it is compared with secrets, and searched nowhere else. A generated one (m2m_…) is recognised.",
    )


@site.page("find/", name="find")
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters()
def find(request: HttpRequest) -> HttpResponse:
    if not any(request.user.has_perms(kind.permissions) for kind in KINDS) and not _sees_record(request):
        raise PermissionDenied
    form = FindForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _page(request, form)
    pasted = pasted_of(form.cleaned_data["text"], is_secret=form.cleaned_data["is_secret"])
    return ANSWERS[pasted.kind](request, form, pasted)


def _by_token(request: HttpRequest, form: FindForm, pasted: Pasted) -> HttpResponse:
    if not _sees_record(request):
        return _page(request, form, refusal=NOT_YOURS.format("token"))
    token = PastedTokenForm({"token": pasted.text})
    if not token.is_valid():
        return _page(request, form, refusal=" ".join(map(str, token.errors["token"])))
    return _page(request, form, judgement=token.cleaned_data["token"])


def _by_secret(request: HttpRequest, form: FindForm, pasted: Pasted) -> HttpResponse:
    if not request.user.has_perms(MAY_LOOK_UP):
        return _page(request, form, refusal=NOT_YOURS.format("secret"))
    lookup = looked_up(request, pasted.text, now=timezone.now())
    if lookup.wait:
        problem = (
            f"You looked up {MAX_PER_MINUTE} secrets in a minute. Wait {lookup.wait} seconds, then try again."
        )
        answer = _page(request, form, status=HTTPStatus.TOO_MANY_REQUESTS, refusal=problem)
        answer["Retry-After"] = str(lookup.wait)
        return answer
    return _page(request, form, secrets=lookup.hits, is_secret=True)


def _by_name(request: HttpRequest, form: FindForm, pasted: Pasted) -> HttpResponse:
    """A single exact hit is gone to at once."""
    if not pasted.text or len(pasted.text) > MAX_NAME:
        return _page(request, form, refusal=f"A name has 1 to {MAX_NAME} characters. Nothing was searched.")
    now, user = timezone.now(), request.user
    groups = [*named_exactly(pasted.text, user=user), *in_record(pasted.text, user=user, now=now)]
    hits = [hit for group in groups for hit in group.hits]
    if len(hits) == 1:
        return HttpResponseRedirect(hits[0].url)
    exact = [group for group in groups if group.hits]
    like = [group for group in named_like(pasted.text, user=user) if group.hits]
    return _page(request, form, exact=exact, like=like, is_name=True)


def _by_private_key(request: HttpRequest, form: FindForm, _pasted: Pasted) -> HttpResponse:
    return _page(request, form, refusal=PRIVATE_KEY)


ANSWERS = {
    Kind.TOKEN: _by_token,
    Kind.SECRET: _by_secret,
    Kind.PRIVATE_KEY: _by_private_key,
    Kind.NAME: _by_name,
}


def _sees_record(request: HttpRequest) -> bool:
    return request.user.has_perm(SEES_RECORD)


def _page(request: HttpRequest, form: FindForm, *, status: int = 200, **found: Any) -> HttpResponse:
    context = {**site.each_context(request), "title": "Find anything", "form": form, **found}
    return TemplateResponse(request, "console/find.html", context, status=status)
