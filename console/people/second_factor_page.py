"""The page on which a local user sets up a second factor, renews recovery codes, and turns it off."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from console.sign_in import second_factor
from console.sign_in.login_view import UNREADABLE, WRONG, CodeForm, check_code
from console.sign_in.second_factor import WrongCodeError
from console.sign_in.sessions import end_all, lacks_second_factor, note_second_factor
from console.site.admin_site import site
from keys.encryption import KeyUnreadableError


@site.page("second-factor/", name="second_factor")
@require_http_methods(["GET", "HEAD", "POST"])
def second_factor_page(request: HttpRequest) -> HttpResponse:
    act = {"begin": _begin, "confirm": _confirm, "renew": _renew, "turn_off": _turn_off}.get(
        request.POST.get("act", "")
    )
    return _page(request) if act is None else act(request)


def _begin(request: HttpRequest) -> HttpResponse:
    """The one page that shows the secret."""
    user: Any = request.user
    secret = second_factor.begin(user)
    if not secret:
        return _back(request)
    return _page(request, form=CodeForm(), secret=secret, picture=second_factor.picture(user, secret))


def _confirm(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    form = CodeForm(request.POST)
    if form.is_valid():
        try:
            codes = second_factor.confirm(user, form.cleaned_data["code"])
        except WrongCodeError:
            form.add_error("code", WRONG)
        except KeyUnreadableError:
            form.add_error("code", UNREADABLE)
        else:
            note_second_factor(request, has_one=True)
            end_all(user, why="A second factor was set up.")
            return _page(request, codes=codes)
    return _page(request, form=form, is_begun=True)


def _renew(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    form = _checked(request)
    if not form.is_valid():
        return _page(request, form=form)
    return _page(request, codes=second_factor.renew_codes(user))


def _turn_off(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    form = _checked(request)
    if not form.is_valid():
        return _page(request, form=form)
    second_factor.remove(user, how="turned off")
    note_second_factor(request, has_one=False)
    end_all(user, why="The second factor was turned off.")
    messages.success(request, "Your second factor is turned off.")
    return _back(request)


def _checked(request: HttpRequest) -> CodeForm:
    """The form, with an error unless its code was right; then it is used up."""
    user: Any = request.user
    form = CodeForm(request.POST)
    if form.is_valid():
        try:
            check_code(request, user, form.cleaned_data["code"])
        except ValidationError as refusal:
            form.add_error("code", refusal)
    return form


def _back(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:second_factor"))


def _page(request: HttpRequest, **context: Any) -> HttpResponse:
    user: Any = request.user
    is_set_up = second_factor.is_set_up(user)
    shared = {
        "title": "Second factor",
        "is_set_up": is_set_up,
        "codes_left": second_factor.codes_left(user),
        "is_required": lacks_second_factor(request),
        "is_local": user.has_usable_password(),
        "form": CodeForm() if is_set_up else None,
    }
    return render(request, "console/second_factor.html", site.each_context(request) | shared | context)
