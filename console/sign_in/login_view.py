"""The steps of a sign-in, each a page at the address of the first one."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME, login
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.core import signing
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.crypto import constant_time_compare

from console.sign_in import second_factor
from console.sign_in.kept_form import KEPT, opened
from console.sign_in.login import refuse_too_many
from console.sign_in.login_failures import Attempt
from console.sign_in.login_visitor import remember
from console.sign_in.second_factor import WrongCodeError
from console.sign_in.sign_ins import RecordedLoginForm, record_failure
from keys.encryption import KeyUnreadableError

NEXT = REDIRECT_FIELD_NAME
PROVEN = "proven"
"""The field of the second step that says whose password was right."""
SALT = "console.sign_in.login_view"
PATIENCE = 300
"""Seconds for the second step."""
MAX_CODE = 60
WRONG = "The code is wrong, or was used before. An app shows a new one every 30 seconds."
UNREADABLE = (
    "The second factor cannot be read: KEY_ENCRYPTION_KEYS lacks the key that it is encrypted under. "
    "Put that key back, or let a superuser reset the second factor."
)


class CodeForm(forms.Form):
    code = forms.CharField(
        max_length=MAX_CODE,
        help_text="Of your authenticator app; or one of your recovery codes.",
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "autocapitalize": "none",
                "spellcheck": "false",
                "autofocus": True,
            }
        ),
    )


def check_code(request: HttpRequest, user: User, code: str) -> None:
    """Use the code up. Raises ValidationError; failures are counted with those of passwords, and recorded."""
    attempt = Attempt.of(request, user.get_username())
    refuse_too_many(attempt.code_wait())
    try:
        second_factor.prove(user, code)
    except WrongCodeError as error:
        attempt.code_failed()
        record_failure(request, actor=user.get_username(), why="Wrong code of the second factor.")
        raise ValidationError(WRONG) from error
    except KeyUnreadableError as error:
        raise ValidationError(UNREADABLE) from error
    attempt.succeeded()


class ConsoleLogin(LoginView):
    template_name = "admin/login.html"
    authentication_form = RecordedLoginForm
    kept = ""
    """A form that waits for the sign-in (kept_form.py)."""

    def post(self, request: HttpRequest, *args: str, **kwargs: Any) -> HttpResponse:
        if not settings.TAKES_PASSWORDS:
            raise PermissionDenied
        if PROVEN not in request.POST:
            return super().post(request, *args, **kwargs)
        user = _proven(request.POST[PROVEN])
        if user is None:
            # Too late, or the account has changed: begin again.
            return HttpResponseRedirect(request.get_full_path())
        return self._second_step(user)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        user: Any = form.get_user()
        if second_factor.is_set_up(user):
            return self._code_page(user, CodeForm())
        Attempt.of(self.request, user.get_username()).succeeded()
        return self._signed_in(user)

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        sent = self.kept or self.request.POST.get(KEPT, "")
        ways = {"takes_passwords": settings.TAKES_PASSWORDS, "company": settings.COMPANY_SIGN_IN}
        return super().get_context_data(**context, **ways, kept_form=sent)

    def _second_step(self, user: User) -> HttpResponse:
        form = CodeForm(self.request.POST)
        if not form.is_valid():
            return self._code_page(user, form)
        try:
            check_code(self.request, user, form.cleaned_data["code"])
        except ValidationError as refusal:
            form.add_error("code", refusal)
            return self._code_page(user, form)
        return self._signed_in(user)

    def _code_page(self, user: User, form: CodeForm) -> HttpResponse:
        proven = signing.dumps([user.pk, _account(user)], salt=SALT)
        context = self.get_context_data(form=form, proven=proven)
        return self.render_to_response(context | {NEXT: self.request.POST.get(NEXT, "")})

    def _signed_in(self, user: User) -> HttpResponse:
        login(self.request, user)
        response = self._shown_again() or HttpResponseRedirect(self.get_success_url())
        remember(response, user.get_username())
        return response

    def _shown_again(self) -> HttpResponse | None:
        """A page that leads back to the form which was sent too late; None if there is none of this user."""
        sent = self.request.POST.get(KEPT, "")
        form = opened(sent, self.request.user.get_username())
        if form is None:
            return None
        return render(self.request, "console/kept_form.html", {"kept_form": sent, "path": form.path})


def _proven(text: str) -> User | None:
    """The user whose password was right just now, unless the account has changed since."""
    try:
        pk, account = signing.loads(text, salt=SALT, max_age=PATIENCE)
    except signing.BadSignature:
        return None
    user = User.objects.filter(pk=pk, is_active=True, is_staff=True).first()
    return user if user is not None and constant_time_compare(account, _account(user)) else None


def _account(user: User) -> str:
    """Changes with the password; an HMAC, from which nothing of it is learnt."""
    return user.get_session_auth_hash()
