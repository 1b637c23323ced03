"""The tab of what a client may ask for: a card for each API, with its scopes as boxes to tick."""

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.http import HttpRequest

from console.admin_base.fields.readable import ReadableJson
from console.admin_base.fields.values import Checkboxes
from console.admin_base.generics import ModelForm, TabularInline
from console.admin_base.row_ids import ForeignKeys, is_id
from console.clients.access_boxes import FIND, AccessForm, grant
from console.clients.grant_form import GrantForm, let_defaults_step_down
from console.clients.tabs.many_parts import MAX_PARTS, LabelledFormSet, ManyParts
from console.clients.tabs.tab_form import TabForm
from console.clients.tabs.tab_links import ACCESS
from relying_parties.models import AccessGrant, ResourceServer


class GrantCard(GrantForm):
    """The API of a grant stays; its scopes are those that the API knows, and those that are granted already."""

    scopes = Checkboxes(required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["scopes"].choices = [(scope, scope) for scope in self._scopes()]  # type: ignore[attr-defined]
        self.fields["resource_server"].disabled = self.instance.pk is not None

    def _scopes(self) -> list[str]:
        granted, api = self.instance.scopes, self._api()
        known = api.scopes if api else []
        return [*known, *(scope for scope in granted if scope not in known)] if _are_texts(granted) else known

    def _api(self) -> ResourceServer | None:
        """Of a new row what was sent."""
        key = self.instance.resource_server_id or self.data.get(self.add_prefix("resource_server"), "")
        return ResourceServer.objects.filter(pk=key).first() if is_id(key) else None


class GrantFormSet(LabelledFormSet):
    def clean(self) -> None:
        super().clean()
        if len(self._defaults()) > 1:
            raise ValidationError("Only one grant can be the default.")

    def save(self, commit: bool = True) -> Any:  # noqa: FBT001, FBT002
        if defaults := self._defaults():
            kept = [form.instance.pk for form in defaults if form.instance.pk]
            let_defaults_step_down(self.instance, but=kept)
        return super().save(commit=commit)

    def _defaults(self) -> list[Any]:
        kept = [form for form in self.forms if form not in self.deleted_forms]
        return [form for form in kept if getattr(form, "cleaned_data", {}).get("is_default")]


class GrantInline(ReadableJson, ForeignKeys, TabularInline):
    model = AccessGrant
    form = GrantCard
    formset = GrantFormSet
    template = "console/client_tabs/grant_cards.html"
    extra = 0
    max_num = MAX_PARTS
    autocomplete_fields = ("resource_server",)
    fields = ("resource_server", "scopes", "is_default")
    verbose_name_plural = "APIs that it may call"


class AccessTabForm(AccessForm, TabForm):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        granted = self.instance.grants.values("resource_server")
        self.fields["access"].label = "May also call"
        self.offer(ResourceServer.objects.filter(issuer=self.instance.issuer).exclude(pk__in=granted))


class AccessTab(ManyParts):
    tab = ACCESS
    panel_template = "console/client_tabs/access.html"
    parts_first = True
    form = AccessTabForm
    inlines = (GrantInline,)
    fieldsets: ClassVar[Any] = (("Another API", {"fields": ("find_api", "access")}),)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who may not grant sees only what is granted."""
        return super().get_fieldsets(request, obj) if self._may_grant(request) else [(None, {"fields": ()})]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002
        form = super().get_form(request, obj, change=change, **kwargs)
        form.is_search = FIND in request.POST
        return form

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: Any, change: bool) -> None:  # noqa: FBT001
        if isinstance(form, AccessForm) and self._may_grant(request):
            grant(form.instance, form.ticked())
        super().save_related(request, form, formsets, change)

    def _may_grant(self, request: HttpRequest) -> bool:
        needed = ("relying_parties.change_relyingparty", "relying_parties.add_accessgrant")
        return bool(request.user.has_perms(needed))


def _are_texts(scopes: Any) -> bool:
    return isinstance(scopes, list) and all(isinstance(scope, str) for scope in scopes)
