"""The cells of the record's list. Where it is useful, a cell leads to the list of rows with the same value."""

from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.models import IssuanceEvent
from console.admin_base.page import Page

NOTHING = "-"
SHOWN = 8
"""Characters of a thumbprint or a kid in the list; the rest is in its title."""
SHOWN_OF_A_NAME = 40


class RecordCells(Page):
    """Mixed into the record's page."""

    list_display = ("when", "at_issuer", "client", "result", "code", "proven_by", "key", "address")
    list_display_links = ("when",)
    sortable_by = ()

    @admin.display(description="time (UTC)")
    def when(self, event: IssuanceEvent) -> str:
        return f"{event.at:%Y-%m-%d %H:%M:%S}"

    @admin.display(description="issuer")
    def at_issuer(self, event: IssuanceEvent) -> str:
        """Its path where it is this server's, as it nearly always is."""
        path = event.issuer.removeprefix(settings.PUBLIC_URL) or "/"
        return _like(short(path, most=SHOWN_OF_A_NAME), issuer=event.issuer)

    @admin.display(description="client ID")
    def client(self, event: IssuanceEvent) -> str:
        return _like(short(event.client_id, most=SHOWN_OF_A_NAME), client=event.client_id)

    @admin.display(description="outcome")
    def result(self, event: IssuanceEvent) -> str:
        state = format_html('<span class="state {}">{}</span>', event.outcome, event.get_outcome_display())
        return _like(state, outcome=event.outcome)

    @admin.display(description="error")
    def code(self, event: IssuanceEvent) -> str:
        return _like(event.error, error=event.error)

    @admin.display(description="credential")
    def proven_by(self, event: IssuanceEvent) -> str:
        """Kind, and number or thumbprint; a certificate and a key have their relying party's number between."""
        kind, colon, name = event.credential.rpartition(":")
        return _like(format_html("{}{}<wbr>{}", kind, colon, short(name)), credential=event.credential)

    @admin.display(description="key")
    def key(self, event: IssuanceEvent) -> str:
        return _like(short(event.kid), kid=event.kid)

    @admin.display(description="address")
    def address(self, event: IssuanceEvent) -> str:
        return _like(event.ip, address=event.ip)


def short(name: str, *, most: int = SHOWN) -> str:
    if len(name) <= most:
        return name
    return format_html('<span title="{}">{}…</span>', name, name[:most])


def _like(shown: str, **asked: str) -> SafeString | str:
    """A link to the list of rows with this value; nothing if there is none."""
    value = next(iter(asked.values()))
    return format_html('<a href="?{}">{}</a>', urlencode(asked), shown) if value else NOTHING
