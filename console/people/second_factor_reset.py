"""A superuser takes away the second factor of a user who has lost it."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from console.admin_base.page import Page
from console.sign_in import second_factor
from console.sign_in.sessions import end_all

MAX_REASON = 200


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=MAX_REASON,
        help_text="It is kept in the record, such as “new phone, asked in person”. Write no secret here.",
    )


class SecondFactorReset(Page):
    """Mixed into the page of users."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.reset_second_factor)
        route = path("<int:user_id>/second-factor/", view, name="auth_user_second_factor")
        return [route, *super().get_urls()]

    def reset_second_factor(self, request: HttpRequest, user_id: int) -> HttpResponse:
        acting: Any = request.user
        if not acting.is_superuser:
            raise PermissionDenied
        user = get_object_or_404(User, pk=user_id)
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            return self._reset(request, user, form.cleaned_data["reason"])
        back = reverse("admin:auth_user_change", args=[user.pk])
        context = {"title": f"Reset the second factor of {user}", "form": form, "back": back, "subject": user}
        page = "console/reset_second_factor.html"
        return render(request, page, self.admin_site.each_context(request) | context)

    def _reset(self, request: HttpRequest, user: User, reason: str) -> HttpResponse:
        if second_factor.remove(user, how=f"reset: {reason}"):
            end_all(user, why="The second factor was reset.")
            self.log_change(request, user, "Second factor reset.")
            messages.success(request, f"{user} has no second factor now, and is signed out.")
        else:
            messages.info(request, f"{user} has no second factor.")
        return HttpResponseRedirect(reverse("admin:auth_user_change", args=[user.pk]))

    def second_factor(self, user: User) -> str:
        if not second_factor.is_set_up(user):
            return "None"
        left, url = second_factor.codes_left(user), reverse("admin:auth_user_second_factor", args=[user.pk])
        return format_html('On; recovery codes left: {}. <a href="{}">Reset it</a>', left, url)
