"""The rotation of a client secret: a new one, shown once, and an expiry for the old one, in one act."""

from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone

from console.admin_base.fields.times import Deadline
from console.admin_base.versions.versioned_act import Asked, answered
from console.clients.reasons import ReasonForm, initial_reason
from console.clients.secret_acts import GenerateForm, SecretActs, newest_id, subject_of
from console.clients.secrets_panel import line_of
from relying_parties.models import ClientSecret
from relying_parties.secrets.credentials import rotate_secret

OVERLAP = timedelta(days=7)
"""How long the old secret lives on, unless another expiry is chosen."""


class RotateForm(ReasonForm, GenerateForm):
    ends_at = Deadline(
        label="The old one expires at",
        help_text="The service must use the new one by then. Not later than the present expiry.",
    )
    field_order = ("ends_at", "label", "expires_at", "reason")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["label"].label = "Label of the new one"
        self.fields["expires_at"].label = "The new one expires at"


class SecretRotation(SecretActs):
    """Mixed into the relying party's page."""

    def get_urls(self) -> list[URLPattern]:
        rotate = path(
            "<int:relying_party_id>/secrets/<int:secret_id>/rotate/",
            self.admin_site.admin_view(self.rotate_secret),
            name="relying_parties_relyingparty_rotate_secret",
        )
        return [rotate, *super().get_urls()]

    def rotate_secret(self, request: HttpRequest, relying_party_id: int, secret_id: int) -> HttpResponse:
        """GET explains and asks. POST makes the new secret and shows it, in this answer only."""
        self.require(request, "relying_parties.add_clientsecret", "relying_parties.change_clientsecret")

        def page(asked: Asked) -> HttpResponse:
            old = self.secret_of(relying_party_id, secret_id)
            initial = _initial(old) | initial_reason(request)
            form = RotateForm(request.POST if request.method == "POST" else None, initial=initial)
            is_right = form.is_valid()
            if is_right and form.cleaned_data["newest"] != newest_id(old.relying_party):
                return self.made_before(request, old.relying_party)
            if is_right and asked.is_to_do:
                try:
                    return self._rotated(request, old, form.cleaned_data)
                except ValidationError as refusal:
                    form.add_error(None, refusal.messages)
            line, template = line_of(old, now=timezone.now()), "console/rotate_secret.html"
            return self.act_page(request, template, old.relying_party, asked=asked, line=line, form=form)

        return answered(request, subject_of(relying_party_id, secret_id), page)

    def _rotated(self, request: HttpRequest, old: ClientSecret, asked: dict[str, Any]) -> HttpResponse:
        def make() -> tuple[ClientSecret, str]:
            made = rotate_secret(
                old,
                ends_at=asked["ends_at"],
                now=timezone.now(),
                label=asked["label"],
                expires_at=asked["expires_at"],
                reason=asked["reason"],
            )
            old.refresh_from_db(fields=["expires_at"])
            return made

        return self.made_once(request, old.relying_party, newest=asked["newest"], make=make, replaced=old)


def _initial(old: ClientSecret) -> dict[str, Any]:
    ends_at: datetime = timezone.now() + OVERLAP
    if old.expires_at is not None:
        ends_at = min(ends_at, old.expires_at)
    return {"newest": newest_id(old.relying_party), "ends_at": ends_at}
