"""The pages of the record: read, filter, export. Nobody changes it here."""

import json
from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBadRequest, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET

from audit.credential_name import CredentialName
from audit.exporting.export import CSV, NDJSON, Export
from audit.models import IssuanceEvent, Trace
from audit.reading.reasons import reason_text
from console.admin_base.credential_labels import credential_labels
from console.admin_base.read_only_admin import ReadOnlyAdmin
from console.requests.as_it_was import AsItWasPage
from console.requests.event_page import EventPage
from console.requests.record_filter import RecordFilter
from console.requests.record_list import RecordList
from console.site.admin_site import site
from console.tokens.pasted_tokens import PastedTokenPage
from issuers.models import Issuer
from keys.models import SigningKey
from relying_parties.models import ClaimTemplate, RelyingParty

NOTHING = "-"
CONTENT_TYPES = {CSV: "text/csv; charset=utf-8", NDJSON: "application/x-ndjson"}


@admin.register(IssuanceEvent, site=site)
class RecordAdmin(AsItWasPage, EventPage, PastedTokenPage, ReadOnlyAdmin):
    change_list_template = "console/record_list.html"
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("when", "outcome", "http_status", "reason", "error", "detail")}),
        (
            "Who asked",
            {"fields": ("relying_party", "client_id", "auth_method", "credential_used", "ip", "user_agent")},
        ),
        ("What for", {"fields": ("issuer", "grant_type", "scope_requested", "resource_requested")}),
        (
            "What was granted",
            {
                "fields": (
                    "subject",
                    "scope",
                    "audience",
                    "template",
                    "jti",
                    "signing_key",
                    "alg",
                    "expires_at",
                    "confirmation",
                )
            },
        ),
        ("Numbers", {"fields": ("request_id", "caller_request_id", "actor", "is_test", "format")}),
        ("Trace", {"fields": ("course",)}),
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return RecordList

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.export)
        exports = [
            path("export.csv", view, {"form": CSV}, name="audit_issuanceevent_export"),
            path("export.ndjson", view, {"form": NDJSON}, name="audit_issuanceevent_export_ndjson"),
        ]
        return [*exports, *super().get_urls()]

    @method_decorator(require_GET)
    def export(self, request: HttpRequest, form: str) -> StreamingHttpResponse | HttpResponseBadRequest:
        """The rows that the filter in the query string lets through, oldest first. The export is recorded."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = RecordFilter(request.GET)
        if not asked.is_valid():
            return HttpResponseBadRequest(
                f"Nothing was exported. {_problems(asked)}\n", content_type="text/plain; charset=utf-8"
            )
        return StreamingHttpResponse(
            Export(asked.event_filter, form=form),
            content_type=CONTENT_TYPES[form],
            headers={
                "Content-Disposition": f'attachment; filename="record-{timezone.now():%Y%m%dT%H%M%SZ}.{form}"'
            },
        )

    @admin.display(description="time")
    def when(self, event: IssuanceEvent) -> str:
        return f"{event.at:%Y-%m-%d %H:%M:%S} UTC"

    @admin.display(description="reason")
    def reason(self, event: IssuanceEvent) -> str:
        return reason_text(error=event.error, detail=event.detail) or NOTHING

    @admin.display(description="client")
    def relying_party(self, event: IssuanceEvent) -> str:
        found = RelyingParty.objects.filter(client_id=event.client_id, issuer=_issuer_of(event)).first()
        return _link("relying_parties_relyingparty", found) if found else "none of this issuer"

    @admin.display(description="credential")
    def credential_used(self, event: IssuanceEvent) -> str:
        if CredentialName.parse(event.credential) is None:
            return event.credential or NOTHING
        label = credential_labels([event.credential])[event.credential]
        page = reverse("admin:credential", args=[event.credential])
        return format_html('<a href="{}">{}</a> ({})', page, label, event.credential)

    @admin.display(description="claim template")
    def template(self, event: IssuanceEvent) -> str:
        label = event.claim_template
        found = ClaimTemplate.objects.filter(name=label.rpartition("@")[0]).first()
        return _link("relying_parties_claimtemplate", found, text=label) if found else label or NOTHING

    @admin.display(description="key ID (kid)")
    def signing_key(self, event: IssuanceEvent) -> str:
        found = SigningKey.objects.filter(kid=event.kid, issuer=_issuer_of(event)).first()
        return _link("keys_signingkey", found, text=event.kid) if found else event.kid or NOTHING

    @admin.display(description="trace of the request")
    def course(self, event: IssuanceEvent) -> str:
        trace = Trace.objects.filter(event=event).first()
        if trace is None:
            return "Not traced. To trace a client's requests, set its “trace until”."
        return format_html("<pre>{}</pre>", json.dumps(trace.content, indent=2, ensure_ascii=False))


def _problems(asked: RecordFilter) -> str:
    return " ".join(
        f"{asked[name].label}: {problem}" for name, problems in asked.errors.items() for problem in problems
    )


def _issuer_of(event: IssuanceEvent) -> Issuer | None:
    return next((issuer for issuer in Issuer.objects.all() if issuer.url == event.issuer), None)


def _link(page: str, row: Any, *, text: str = "") -> SafeString:
    return format_html('<a href="{}">{}</a>', reverse(f"admin:{page}_change", args=[row.pk]), text or row)
