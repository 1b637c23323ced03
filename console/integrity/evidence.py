"""Evidence to take away: chosen rows, all that proves them and the program that verifies them, in one zip file."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseBadRequest, StreamingHttpResponse
from django.utils import timezone

from audit.exporting.evidence.archive import Archive
from console.requests.record_filter import RecordFilter
from console.site.admin_site import site
from keys.record_key import record_jwks

SHOWN = ("since", "until", "issuer", "client", "credential")
NO_RANGE = "Say from when on, or name one token or request: evidence is a part of the record."


class EvidenceForm(RecordFilter):
    """The filters of the record. The form shows the ones that evidence is mostly asked for by."""

    def clean(self) -> dict[str, Any]:
        if not self.errors and not (self.cleaned_data["since"] or self.cleaned_data["exactly"]):
            raise ValidationError(NO_RANGE)
        return self.cleaned_data

    def visible_fields(self) -> list[Any]:
        return [self[name] for name in SHOWN]


@site.reading("integrity/evidence.zip", name="evidence")
def evidence(request: HttpRequest) -> StreamingHttpResponse | HttpResponseBadRequest:
    """The rows that the filter in the query string lets through, as they are read. It is recorded."""
    form, now = EvidenceForm(request.GET), timezone.now()
    if not form.is_valid():
        told = " ".join(str(problem) for problems in form.errors.values() for problem in problems)
        return HttpResponseBadRequest(
            f"There is no evidence here. {told}\n", content_type="text/plain; charset=utf-8"
        )
    archive = Archive(form.event_filter, keys={"keys": list(record_jwks().values())}, now=now)
    return StreamingHttpResponse(
        archive,
        content_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="evidence-{now:%Y%m%dT%H%M%SZ}.zip"'},
    )
