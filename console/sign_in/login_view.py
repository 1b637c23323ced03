"""The steps of a sign-in, each a page at the address of the first one."""

from typing import Any

from django.contrib.auth import REDIRECT_FIELD_NAME, login
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from console.sign_in.kept_form import KEPT, opened
from console.sign_in.login_visitor import remember
from console.sign_in.sign_ins import RecordedLoginForm


class ConsoleLogin(LoginView):
    template_name = "admin/login.html"
    authentication_form = RecordedLoginForm
    kept = ""
    """A form that waits for the sign-in (kept_form.py)."""

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        user: Any = form.get_user()
        return self.signed_in(user)

    def signed_in(self, user: User) -> HttpResponse:
        login(self.request, user)
        response = self._shown_again() or HttpResponseRedirect(self.get_success_url())
        remember(response, user.get_username())
        return response

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        sent = self.kept or self.request.POST.get(KEPT, "")
        return super().get_context_data(**context, kept_form=sent)

    def _shown_again(self) -> HttpResponse | None:
        """A page that leads back to the form which was sent too late; None if there is none of this user."""
        sent = self.request.POST.get(KEPT, "")
        form = opened(sent, self.request.user.get_username())
        if form is None:
            return None
        return render(self.request, "console/kept_form.html", {"kept_form": sent, "path": form.path})


NEXT = REDIRECT_FIELD_NAME
