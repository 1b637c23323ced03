"""The acts on a key: each has a page that explains it, its own POST, and its own line in the log."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from console.admin_base.instants import written
from console.admin_base.page import Page
from console.admin_base.versions.configuration_admin import OVERTAKEN
from console.admin_base.versions.versioned_act import FIRST, Asked, Subject, answered
from console.signing_keys.key_acts import why_not_activated, why_not_in_use, why_not_rotated
from console.tokens.unexpired_tokens import unexpired_tokens
from keys.encryption import KeyUnreadableError
from keys.lifecycle.due import earliest_activation
from keys.lifecycle.revocation import revoke
from keys.lifecycle.rotation import activate_without_waiting, announce_successor
from keys.lifecycle.succession import signs_before, successor_of
from keys.models import SigningKey
from keys.schedule import KeyState

WORD = "revoke"


class RevokeForm(forms.Form):
    word = forms.CharField(
        label=f"Type the word “{WORD}”",
        max_length=20,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )

    def clean_word(self) -> str:
        word: str = self.cleaned_data["word"]
        if word != WORD:
            raise ValidationError(f"Nothing was revoked: the word is “{WORD}”.")
        return word


class KeyActs(Page):
    """Mixed into the page of signing keys."""

    def get_urls(self) -> list[URLPattern]:
        acts = {"rotate": self.rotate, "activate": self.activate, "revoke": self.revoke}
        return [
            *(self.act_url(act, view) for act, view in acts.items()),
            *super().get_urls(),
        ]

    def rotate(self, request: HttpRequest, key_id: int) -> HttpResponse:
        key, now = self.key_for(request, key_id, "keys.add_signingkey"), timezone.now()
        if refusal := why_not_rotated(key, now):
            return self.refused(request, key, refusal)
        if request.method != "POST":
            signs_from = earliest_activation(key.issuer, now) if key.issuer else now
            return self.act_page(
                request, "console/rotate_key.html", key, act="Rotate now", signs_from=signs_from
            )
        return self.done(request, key, lambda: _rotated(key, now))

    def activate(self, request: HttpRequest, key_id: int) -> HttpResponse:
        key, now = self.key_for(request, key_id, "keys.change_signingkey"), timezone.now()
        if refusal := why_not_activated(key, now):
            return self.refused(request, key, refusal)
        if request.method != "POST":
            page, act = "console/activate_key.html", "Activate without waiting"
            return self.act_page(request, page, key, act=act, outgoing=signs_before(key))
        return self.done(request, key, lambda: _activated(key, now))

    def revoke(self, request: HttpRequest, key_id: int) -> HttpResponse:
        key, now = self.key_for(request, key_id, "keys.change_signingkey"), timezone.now()
        if refusal := why_not_in_use(key, now):
            return self.refused(request, key, refusal)
        subject = Subject(SigningKey, key_id)

        def page(asked: Asked) -> HttpResponse:
            form = RevokeForm(request.POST if request.method == "POST" else None)
            if form.is_valid() and asked.is_to_do:
                return self.done(request, key, lambda: _revoked(key, now, partial(subject.require, request)))
            return self.act_page(
                request,
                "console/revoke_key.html",
                key,
                asked=asked,
                act="Revoke the key",
                form=form,
                tokens=unexpired_tokens(key, now=now),
                successor=successor_of(key),
            )

        return answered(request, subject, page, checks=True)

    def act_url(self, act: str, view: Callable[..., HttpResponse]) -> URLPattern:
        return path(f"<int:key_id>/{act}/", self.admin_site.admin_view(view), name=f"keys_signingkey_{act}")

    def key_for(self, request: HttpRequest, key_id: int, permission: str) -> SigningKey:
        """The key of an issuer; keys of the record cannot be changed here."""
        if not request.user.has_perms([permission, "keys.view_signingkey"]):
            raise PermissionDenied
        keys = SigningKey.objects.filter(issuer__isnull=False).select_related("issuer", "predecessor")
        return get_object_or_404(keys, pk=key_id)

    def act_page(
        self,
        request: HttpRequest,
        template: str,
        key: SigningKey,
        *,
        act: str,
        asked: Asked = FIRST,
        **context: Any,
    ) -> HttpResponse:
        shared = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "key": key,
            "act": act,
            "state": key.state(timezone.now()),
            "back": reverse(self.url_name("change"), args=[key.pk]),
        }
        return TemplateResponse(
            request, template, {**shared, **asked.context, **context}, status=asked.status
        )

    def done(self, request: HttpRequest, key: SigningKey, act: Callable[[], str]) -> HttpResponse:
        """Back on the key's page with the message of the act, or the reason why it was not done."""
        try:
            outcome = act()
        except ValidationError as refusal:
            return self.refused(request, key, *refusal.messages)
        except KeyUnreadableError as error:
            return self.refused(request, key, str(error))
        except (IntegrityError, OperationalError):
            return self.refused(request, key, OVERTAKEN)
        self.log_change(request, key, outcome)
        messages.success(request, outcome)
        return self._back(key)

    def refused(self, request: HttpRequest, key: SigningKey, *reasons: str) -> HttpResponse:
        for reason in reasons:
            messages.error(request, reason)
        return self._back(key)

    def _back(self, key: SigningKey) -> HttpResponse:
        return HttpResponseRedirect(reverse(self.url_name("change"), args=[key.pk]))


def _rotated(key: SigningKey, now: datetime) -> str:
    successor = announce_successor(key, now=now)
    if successor is None:
        raise ValidationError(f"Someone else announced a successor at this moment: {successor_of(key)}.")
    return f"The key {successor.kid} is announced: it signs from {written(successor.activates_at)}."


def _activated(key: SigningKey, now: datetime) -> str:
    activate_without_waiting(key, now=now)
    return f"The key {key.kid} signs from now on, before its time."


def _revoked(key: SigningKey, now: datetime, require: Callable[[], None]) -> str:
    state = key.state(now)
    made = revoke(key, now=now, require=require)
    done = f"The key {key.kid} is revoked."
    signing = made or successor_of(key)
    if signing is None or state == KeyState.RETIRING:
        return done
    if state == KeyState.ANNOUNCED:
        return f"{done} The key {signing.kid} is announced in its place: it signs from {written(signing.activates_at)}."
    return f"{done} The key {signing.kid} signs from now on."
