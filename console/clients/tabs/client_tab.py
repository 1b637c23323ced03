"""What the tabs of a client share: the head of the page, and a version that only their own fields change."""

from typing import Any, ClassVar

from django.contrib.admin.utils import flatten_fieldsets
from django.http import HttpRequest, HttpResponseRedirect

from console.admin_base.panelled_page import PanelledPage
from console.admin_base.row_ids import is_id
from console.admin_base.versions.configuration_admin import ConfigurationAdmin
from console.clients.tabs.tab_form import TabForm
from console.clients.tabs.tab_links import SEES_WHOLE_CLIENT, Tab, address_of, tab_links
from console.clients.token_use import token_use
from console.site.permissions import SEES_CONFIGURATION
from console.tokens.client_status import status_of
from issuance.outlook.client_status import Cause
from issuers.versioning.version_of import read_version, require_fields
from relying_parties.models import RelyingParty


class ClientTab(PanelledPage, ConfigurationAdmin):
    """A page with a part of the client's form. Two operators on different tabs do not stop each other."""

    tab: ClassVar[Tab]
    panel_template: ClassVar[str]
    """What the tab shows beside its form."""
    parts_first: ClassVar[bool] = False
    """Whether the rows of its parts stand before its own fields."""
    form = TabForm
    fieldsets: ClassVar[Any]
    change_form_template = "console/relying_party.html"

    def require_version(self, pk: int, seen: str) -> None:
        stored = {field.name for field in RelyingParty._meta.concrete_fields}
        fields = stored.intersection(flatten_fieldsets(self.fieldsets))
        require_fields(RelyingParty, pk, read_version(seen), fields, *self._parts())

    def panels(self, row: RelyingParty) -> dict[str, Any]:
        status = status_of(row)
        first = status.obstacles[0].cause if status.obstacles else None
        return {
            "status": status,
            "use": token_use(row, is_refused=not status.gets_tokens),
            "lacks_credential": first == Cause.NO_CREDENTIAL,
        }

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        row = self.get_object(request, object_id) if is_id(object_id) else None
        context = {**self._frame(request, row), **(extra_context or {})} if row else extra_context
        return super().change_view(request, object_id, form_url, context)

    def response_post_save_change(self, request: HttpRequest, obj: RelyingParty) -> HttpResponseRedirect:
        return HttpResponseRedirect(address_of(obj, self.tab))

    def _frame(self, request: HttpRequest, row: RelyingParty) -> dict[str, Any]:
        return {
            "title": str(row),
            "tabs": tab_links(row, current=self.tab, user=request.user),
            "panel_template": self.panel_template,
            "may_hand_over": request.user.has_perms(SEES_CONFIGURATION),
            "may_copy": request.user.has_perms(SEES_WHOLE_CLIENT),
            "parts_first": self.parts_first,
            "show_delete": False,
            "show_save_and_continue": False,
            "show_save_and_add_another": False,
        }
