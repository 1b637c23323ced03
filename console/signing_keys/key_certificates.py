"""A key's certificate chain: downloaded, requested from an authority, and replaced by what the authority issued."""

import re
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern
from django.utils import timezone

from console.admin_base.fields.public_fields import Certificates
from console.admin_base.fields.values import Upload
from console.admin_base.versions.versioned_act import Asked, Subject, answered
from console.signing_keys.act_pages import KeyActs
from console.signing_keys.key_acts import why_not_in_use
from formats.certificates import CertificateUnreadableError
from keys.encryption import KeyUnreadableError
from keys.importing.certificates import (
    Chain,
    attach_chain,
    certificate_request,
    certificates_of,
    chain_warnings,
    read_chain,
)
from keys.models import SigningKey

NOT_IN_A_FILE_NAME = re.compile(r"[^A-Za-z0-9_-]")


class ChainForm(forms.Form):
    file = Upload(required=False, label="File", help_text="PEM, the key's own certificate first.")
    pem = Certificates(rows=12, label="Or pasted")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors and bool(cleaned["file"]) == bool(cleaned["pem"]):
            raise ValidationError(
                "Choose a file of at most 64 kB, or paste the certificates: one of the two."
            )
        return cleaned

    @property
    def chain(self) -> bytes:
        chain: bytes = self.cleaned_data["file"] or self.cleaned_data["pem"].encode()
        return chain


class KeyCertificates(KeyActs):
    """Mixed into the page of signing keys."""

    def get_urls(self) -> list[URLPattern]:
        return [
            self.act_url("certificate", self.certificate_chain),
            self.act_url("request", self.certificate_request),
            self.act_url("chain", self.attach_chain),
            *super().get_urls(),
        ]

    def certificate_chain(self, request: HttpRequest, key_id: int) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        key = get_object_or_404(SigningKey, pk=key_id)
        return _download(key.certificate_chain, name=f"{_file_name(key)}.pem")

    def certificate_request(self, request: HttpRequest, key_id: int) -> HttpResponse:
        key = self.key_for(request, key_id, "keys.change_signingkey")
        try:
            pem = certificate_request(key)
        except KeyUnreadableError as error:
            return self.refused(request, key, str(error))
        return _download(pem, name=f"{_file_name(key)}.csr")

    def attach_chain(self, request: HttpRequest, key_id: int) -> HttpResponse:
        key, now = self.key_for(request, key_id, "keys.change_signingkey"), timezone.now()
        if refusal := why_not_in_use(key, now):
            return self.refused(request, key, refusal)

        def page(asked: Asked) -> HttpResponse:
            form = ChainForm(request.POST, request.FILES) if request.method == "POST" else ChainForm()
            is_right = form.is_valid()
            chain = _checked_chain(form, key) if is_right and asked.is_to_do else None
            if chain is None:
                template, act = "console/attach_chain.html", "Attach a certificate chain"
                stored = _stored_chain(SigningKey.objects.get(pk=key_id))
                return self.act_page(
                    request, template, key, act=act, asked=asked, form=form, certificates=stored
                )
            return self.done(request, key, lambda: self._attached(request, key, chain, now))

        return answered(request, Subject(SigningKey, key_id), page)

    def _attached(self, request: HttpRequest, key: SigningKey, chain: Chain, now: datetime) -> str:
        attach_chain(key, chain, now=now)
        for warning in chain_warnings(chain, now):
            messages.warning(request, warning)
        return f"The certificate chain of the key {key.kid} is replaced."


def _stored_chain(key: SigningKey) -> Chain:
    """Empty if it cannot be read."""
    try:
        return certificates_of(key)
    except CertificateUnreadableError:
        return ()


def _checked_chain(form: ChainForm, key: SigningKey) -> Chain | None:
    if not form.is_valid():
        return None
    try:
        return read_chain(form.chain, key=key)
    except ValidationError as refusal:
        form.add_error(None, refusal)
        return None


def _download(pem: str, *, name: str) -> HttpResponse:
    return HttpResponse(
        pem,
        content_type="application/x-pem-file",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _file_name(key: SigningKey) -> str:
    return f"{key.alg}-{NOT_IN_A_FILE_NAME.sub('_', key.kid)[:64]}"
