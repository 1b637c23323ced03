"""The choice of APIs and their scopes as boxes to tick, without JavaScript; of many APIs a few at a time."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.forms.utils import ErrorDict
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from console.admin_base.generics import ModelForm
from console.admin_base.row_ids import is_id
from relying_parties.models import AccessGrant, RelyingParty, ResourceServer

FIND = "_find"
"""The name of the button that searches for APIs, and saves nothing."""
MAX_LISTED = 20
MAX_TICKED = 100
"""APIs that one form can add."""
MAX_SOUGHT = 100
"""Characters."""


class FromTemplate(forms.Widget):
    """Rendered by a template of the console, which the renderer of Django's own widgets does not find."""

    template_name: str

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        return mark_safe(render_to_string(self.template_name, self.get_context(name, value, attrs)))  # noqa: S308


class Boxes(FromTemplate, forms.CheckboxSelectMultiple):
    template_name = "console/access_boxes.html"


class Finder(FromTemplate, forms.TextInput):
    template_name = "console/find_api.html"


@dataclass(frozen=True, slots=True)
class Ticked:
    api: ResourceServer
    scopes: list[str]


class AccessForm(ModelForm):
    """`access` has one box for an API, `17`, and one for each of its scopes, `17 orders.read`, which ticks it too."""

    is_search = False
    access = forms.MultipleChoiceField(
        required=False,
        label="May call",
        widget=Boxes,
        help_text="A token is good for one API. Ticked scopes are the most it can get.",
    )
    find_api = forms.CharField(required=False, label="Find an API", max_length=MAX_SOUGHT, widget=Finder)

    @property
    def errors(self) -> ErrorDict:
        """A search is never wrong, and never saved."""
        return ErrorDict() if self.is_search else super().errors

    def is_valid(self) -> bool:
        return not self.is_search and super().is_valid()

    def offer(self, apis: QuerySet[ResourceServer]) -> None:
        """Lists the first of them, those that were sought, and those that are ticked."""
        found = apis.select_related("issuer").order_by("issuer__name", "name", "identifier")
        count = found.count()
        sought = self._sent("find_api").replace("\x00", "")[:MAX_SOUGHT]
        if sought:
            found = found.filter(Q(name__icontains=sought) | Q(identifier__icontains=sought))
        ticked = apis.select_related("issuer").filter(pk__in=self._ticked_ids())
        self.offered = list(dict.fromkeys([*ticked, *found[:MAX_LISTED]]))
        self._field("access").choices = _choices(self.offered)
        if count <= MAX_LISTED:
            self._field("find_api").widget = forms.HiddenInput()
        self._field("find_api").help_text = f"{count:,} APIs: {MAX_LISTED} at most are shown at a time."

    def ticked(self) -> list[Ticked]:
        """After validation, in the order in which they are listed."""
        chosen: list[str] = self.cleaned_data.get("access") or []
        return [
            Ticked(api=api, scopes=[scope for scope in api.scopes if f"{api.pk} {scope}" in chosen])
            for api in self.offered
            if any(value.partition(" ")[0] == str(api.pk) for value in chosen)
        ]

    def _ticked_ids(self) -> list[int]:
        values = self["access"].value() or []
        ids = dict.fromkeys(str(value).partition(" ")[0] for value in values)
        return [int(each) for each in ids if is_id(each)][:MAX_TICKED]

    def _sent(self, name: str) -> str:
        return str(self.data.get(self.add_prefix(name), "")) if self.is_bound else ""

    def _field(self, name: str) -> Any:
        return self.fields[name]


def grant(relying_party: RelyingParty, ticked: Iterable[Ticked], *, default: int | None = None) -> None:
    """The first access of a client is its default, unless `default` is the primary key of another ticked API.

    Raises ValidationError, in sentences.
    """
    ticked = list(ticked)
    if relying_party.grants.exists():
        default = None
    elif default not in [each.api.pk for each in ticked]:
        default = ticked[0].api.pk if ticked else None
    for each in ticked:
        access = AccessGrant(
            relying_party=relying_party,
            resource_server=each.api,
            scopes=each.scopes,
            is_default=each.api.pk == default,
        )
        try:
            access.checked().save()
        except ValidationError as refusal:
            raise ValidationError([f"{each.api}: {message}" for message in refusal.messages]) from refusal


def _choices(apis: Iterable[ResourceServer]) -> list[tuple[str, list[tuple[str, str]]]]:
    return [
        (
            _label(api),
            [(str(api.pk), "may call it"), *((f"{api.pk} {scope}", scope) for scope in api.scopes)],
        )
        for api in apis
    ]


def _label(api: ResourceServer) -> str:
    return f"{api.name}: {api.identifier}" if api.name else api.identifier
