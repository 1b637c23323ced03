"""To the company's provider, and back from it."""

from http import HTTPStatus

from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from console.sign_in.company.accounts import user_for
from console.sign_in.company.journey import MAX_NEXT, Journey, callback_url, unpack
from console.sign_in.company.provider import NotSignedInError, claims_for, company
from console.sign_in.failed_sign_ins import UNKNOWN
from console.sign_in.login_visitor import remember
from console.sign_in.sessions import note_second_factor
from console.sign_in.sign_ins import record_failure


@never_cache
@require_safe
def begin(request: HttpRequest) -> HttpResponse:
    """Away to the provider."""
    company()
    journey = Journey(next=_within_console(request.GET.get("next", "")))
    try:
        response = HttpResponseRedirect(journey.url)
    except NotSignedInError as failure:
        return _refused(request, failure)
    journey.pack(response)
    return response


@never_cache
@require_safe
def callback(request: HttpRequest) -> HttpResponse:
    """Back from the provider, signed in or not."""
    company()
    try:
        response = _signed_in(request, unpack(request))
    except NotSignedInError as failure:
        response = _refused(request, failure)
    response.delete_cookie(settings.COMPANY_COOKIE_NAME, samesite="Lax")
    return response


def _signed_in(request: HttpRequest, journey: Journey) -> HttpResponse:
    code = journey.code_in(request)
    claims = claims_for(
        code,
        redirect_uri=callback_url(),
        verifier=journey.verifier,
        nonce=journey.nonce,
        now=timezone.now(),
    )
    user = user_for(claims)
    login(request, user)
    # The provider decides how it is proven who somebody is.
    note_second_factor(request, has_one=True)
    response = HttpResponseRedirect(journey.next)
    remember(response, user.get_username())
    return response


def _refused(request: HttpRequest, failure: NotSignedInError) -> HttpResponse:
    """It is no guess of a password, which the provider alone checks: it closes no network's way in."""
    record_failure(request, actor=UNKNOWN, why=f"At {company().issuer}: {failure}")
    context = {"why": failure.for_the_person}
    return render(request, "console/company_refused.html", context, status=HTTPStatus.FORBIDDEN)


def _within_console(url: str) -> str:
    is_ours = url.startswith("/admin/") and url_has_allowed_host_and_scheme(url, allowed_hosts=None)
    return url if is_ours and len(url) <= MAX_NEXT else reverse("admin:index")
