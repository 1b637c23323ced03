"""Signing keys: their timelines, and the page of each. No page shows a private half.

Keys are made on the issuer's page, and on schedule.
"""

import json
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import Truncator

from console.admin_base.history_page import HistoryPage
from console.admin_base.panelled_page import PanelledPage
from console.admin_base.read_only_admin import ReadOnlyAdmin
from console.signing_keys.key_acts import why_not_activated, why_not_in_use, why_not_rotated
from console.signing_keys.key_certificates import KeyCertificates
from console.signing_keys.key_timeline import Timeline, timeline, timelines
from console.site.admin_site import site
from keys.models import SigningKey

MAX_TIMELINES = 10
SHORT_KID = 13


@admin.register(SigningKey, site=site)
class SigningKeyAdmin(KeyCertificates, PanelledPage, HistoryPage, ReadOnlyAdmin):
    change_list_template = "console/signing_keys.html"
    change_form_template = "console/signing_key.html"
    list_display = (
        "key_id",
        "issuer",
        "alg",
        "state",
        "activates_at",
        "retires_at",
        "expires_at",
        "revoked_at",
    )
    list_filter = ("issuer", "alg", "purpose")
    list_select_related = ("issuer",)
    search_fields = ("kid",)
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("purpose", "issuer", "alg", "kid", "state", "private_half", "predecessor")}),
        ("Instants", {"fields": ("published_at", "activates_at", "retires_at", "expires_at", "revoked_at")}),
        ("Public half", {"fields": ("jwk", "certificate")}),
    )

    @admin.display(description="key ID", ordering="kid")
    def key_id(self, key: SigningKey) -> str:
        return format_html('<code title="{}">{}</code>', key.kid, Truncator(key.kid).chars(SHORT_KID))

    @admin.display(description="state")
    def state(self, key: SigningKey) -> str:
        state = key.state(timezone.now())
        return format_html('<span class="state {}">{}</span>', state.value, state.label)

    @admin.display(description="private half")
    def private_half(self, key: SigningKey) -> str:
        """Where the key is; nothing else about it is shown."""
        if key.pkcs11_uri:
            return f"In the token, {key.pkcs11_uri}"
        if key.encrypted_private_key is None:
            return "Wiped"
        return f"Here, encrypted under the key-encryption key {key.kek_id}"

    @admin.display(description="JWK")
    def jwk(self, key: SigningKey) -> str:
        return format_html("<pre>{}</pre>", json.dumps(key.public_jwk, indent=2))

    @admin.display(description="certificate chain")
    def certificate(self, key: SigningKey) -> str:
        return format_html("<pre>{}</pre>", key.certificate_chain)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        response = super().changelist_view(request, {"title": "Signing keys", **(extra_context or {})})
        if isinstance(response, TemplateResponse) and response.context_data:
            listed = response.context_data["cl"].queryset
            response.context_data["timelines"] = _timelines(listed)
        return response

    def panels(self, row: SigningKey) -> dict[str, Any]:
        if row.issuer is None:
            return {}
        now = timezone.now()
        of_issuer = SigningKey.objects.filter(issuer=row.issuer, alg=row.alg).select_related("issuer")
        return {
            "timeline": timeline(list(of_issuer), issuer=row.issuer, now=now),
            "can_be_rotated": why_not_rotated(row, now) is None,
            "can_be_activated": why_not_activated(row, now) is None,
            "is_in_use": why_not_in_use(row, now) is None,
        }


def _timelines(listed: QuerySet[SigningKey]) -> list[Timeline]:
    """Of the issuers whose keys are listed, on whichever page of the list."""
    issuers = listed.filter(issuer__isnull=False).order_by("issuer").values_list("issuer", flat=True)
    shown = list(issuers.distinct()[:MAX_TIMELINES])
    return timelines(listed.filter(issuer__in=shown).select_related("issuer"), now=timezone.now())
