"""Paste a token, and see to which client it was issued. It is verified and then dropped: nothing of it is stored."""

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from console.admin_base.page import Page
from console.tokens.pasted_token import Judgement, judged
from formats.json_value import is_nested_deeper
from issuance.issued_token import examined
from issuance.signed_jwt import MAX_JWT_LENGTH, JwtRefusedError


class Unechoed(forms.Textarea):
    """A text area that comes back empty, whatever was typed."""

    def format_value(self, value: Any) -> None:
        return None


MAX_LEVELS = 100
TOO_DEEP = "This is not a token. Its claims are nested too deep."


class PastedTokenForm(forms.Form):
    token = forms.CharField(
        label="Access token",
        max_length=MAX_JWT_LENGTH,
        widget=Unechoed(attrs={"rows": 8, "class": "pem", "spellcheck": "false", "autocomplete": "off"}),
        help_text="The token alone, without “Bearer”. It is sent in the body, and neither kept nor shown again.",
        error_messages={"max_length": f"No token has more than {MAX_JWT_LENGTH} characters."},
    )

    def clean_token(self) -> Judgement:
        """Replaces the token by its judgement."""
        now = timezone.now()
        try:
            token = examined("".join(self.cleaned_data["token"].split()), now=now)
        except JwtRefusedError as refused:
            raise ValidationError(f"This is not a token. {refused}") from refused
        except RecursionError as error:
            raise ValidationError(TOO_DEEP) from error
        if is_nested_deeper(token.claims, levels=MAX_LEVELS):
            raise ValidationError(TOO_DEEP)
        return judged(token, now=now)


class PastedTokenPage(Page):
    """Mixed into the record's page."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.pasted_token)
        return [path("token/", view, name="audit_issuanceevent_token"), *super().get_urls()]

    @method_decorator(sensitive_post_parameters("token"))
    def pasted_token(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = PastedTokenForm(request.POST if request.method == "POST" else None)
        judgement = form.cleaned_data["token"] if form.is_valid() else None
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Whose token is this?",
            "form": form,
            "judgement": judgement,
        }
        return TemplateResponse(request, "console/pasted_token.html", context)
