"""Signing keys: seen here, made by a button on the issuer's page. The private half is on no page."""

import json
from typing import Any, ClassVar

from django.contrib import admin
from django.utils import timezone
from django.utils.html import format_html

from console.history_page import HistoryPage
from console.read_only_admin import ReadOnlyAdmin
from console.site import site
from keys.models import SigningKey


@admin.register(SigningKey, site=site)
class SigningKeyAdmin(HistoryPage, ReadOnlyAdmin):
    list_display = ("kid", "issuer", "alg", "state", "activates_at", "retires_at", "expires_at", "revoked_at")
    list_filter = ("issuer", "alg", "purpose")
    list_select_related = ("issuer",)
    search_fields = ("kid",)
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("purpose", "issuer", "alg", "kid", "state", "kek_id", "predecessor")}),
        ("Instants", {"fields": ("published_at", "activates_at", "retires_at", "expires_at", "revoked_at")}),
        ("Public half", {"fields": ("jwk", "certificate")}),
    )

    @admin.display(description="state")
    def state(self, key: SigningKey) -> str:
        state = key.state(timezone.now())
        return format_html('<span class="state {}">{}</span>', state.value, state.label)

    @admin.display(description="JWK")
    def jwk(self, key: SigningKey) -> str:
        return format_html("<pre>{}</pre>", json.dumps(key.public_jwk, indent=2))

    @admin.display(description="certificate chain")
    def certificate(self, key: SigningKey) -> str:
        return format_html("<pre>{}</pre>", key.certificate_chain)
