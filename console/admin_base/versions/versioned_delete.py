"""The confirmation of a deletion names the versions of everything that is deleted.

If one of the objects was changed meanwhile nothing is deleted: the page shows the changes, and asks again.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.contrib.admin import action
from django.contrib.admin.actions import delete_selected as delete_rows
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict

from console.admin_base.change_history import Change
from console.admin_base.page import Page
from console.admin_base.row_ids import is_id
from console.admin_base.versions.made_from import MADE_FROM, conflict, sent_version, stale_act, with_context
from issuers.versioning.version_of import StaleVersionError

CONFIRMED = "post"
"""Django's name of the field that confirms."""
MAX_SHOWN = 20
"""Changes of several rows."""


class VersionedDelete(Page):
    """Its templates of both confirmations contain `made_from` and show `stale`."""

    @abstractmethod
    def version_of_all(self, pk: int) -> str:
        """Of the object now, and of everything that is deleted with it. Without a comma or an equals sign."""

    @abstractmethod
    def require_version_of_all(self, pk: int, seen: str) -> None:
        """Lock the object. Raises StaleVersionError."""

    @abstractmethod
    def changes_of_all_since(self, row: Any, seen: str) -> Sequence[Change]:
        """What was changed after that version, newest first."""

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        key, context = unquote(object_id), extra_context or {}
        if not is_id(key):
            return super().delete_view(request, object_id, context)
        if request.method != "POST":
            version = self.version_of_all(int(key))
            return super().delete_view(request, object_id, {MADE_FROM: version, **context})
        try:
            with transaction.atomic():
                self.require_version_of_all(int(key), sent_version(request))
                return super().delete_view(request, object_id, context)
        except StaleVersionError:
            return self._ask_again(request, object_id, context)

    def _ask_again(self, request: HttpRequest, object_id: str, context: dict[str, Any]) -> Any:
        key, seen = int(unquote(object_id)), sent_version(request)
        version = self.version_of_all(key)
        row = self.get_object(request, object_id)
        if row is not None and self.has_delete_permission(request, row):
            stale = stale_act(self.changes_of_all_since(row, seen), is_known=bool(seen))
            context = {**context, MADE_FROM: version, "stale": stale}
            request.POST = QueryDict()
        return conflict(super().delete_view(request, object_id, context))

    def require_versions(self, request: HttpRequest, keys: Sequence[int]) -> None:
        """In a transaction. Raises StaleVersionError."""
        seen = _versions_in(sent_version(request))
        for key in keys:
            self.require_version_of_all(key, seen.get(key, ""))

    def changes_of_several(self, request: HttpRequest, rows: Sequence[Any]) -> list[Change]:
        """The rows that no longer have the version that was sent."""
        seen = _versions_in(sent_version(request))
        changes = [
            change
            for row in rows
            if self.version_of_all(row.pk) != seen.get(row.pk)
            for change in self.changes_of_all_since(row, seen.get(row.pk, ""))
        ]
        return sorted(changes, key=lambda change: change.at, reverse=True)[:MAX_SHOWN]


@action(permissions=["delete"], description="Delete selected %(verbose_name_plural)s")
def delete_selected(page: Any, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
    """Django's action, whose confirmation names the versions of the rows."""
    keys = sorted(queryset.values_list("pk", flat=True))
    _name_the_missing(request, found=len(keys))
    if not keys:
        return None
    if CONFIRMED not in request.POST:
        return _with_versions(page, request, queryset, keys)
    try:
        with transaction.atomic():
            page.require_versions(request, keys)
            return delete_rows(page, request, queryset)
    except StaleVersionError:
        stale = stale_act(
            page.changes_of_several(request, list(queryset)), is_known=bool(sent_version(request))
        )
        request.POST = _unconfirmed(request.POST)  # type: ignore[assignment]
        return conflict(_with_versions(page, request, queryset, keys, stale=stale))


def _with_versions(
    page: VersionedDelete,
    request: HttpRequest,
    queryset: QuerySet[Any],
    keys: Sequence[int],
    **context: Any,
) -> Any:
    """The page that asks. The versions are read before the rows."""
    version = ",".join(f"{key}={page.version_of_all(key)}" for key in keys)
    response = delete_rows(page, request, queryset.all())
    return with_context(response, {MADE_FROM: version, **context})


def _versions_in(text: str) -> dict[int, str]:
    pairs = (part.partition("=") for part in text.split(","))
    return {int(key): version for key, _, version in pairs if is_id(key)}


def _name_the_missing(request: HttpRequest, *, found: int) -> None:
    chosen = len(set(request.POST.getlist(ACTION_CHECKBOX_NAME)))
    is_all = request.POST.get("select_across") == "1"
    if missing := 0 if is_all else chosen - found:
        are = "is" if missing == 1 else "are"
        messages.warning(request, f"Of the chosen rows {missing} {are} not there: perhaps deleted meanwhile.")


def _unconfirmed(sent: QueryDict) -> QueryDict:
    kept = sent.copy()
    del kept[CONFIRMED]
    return kept
