"""Checkpoints, tombstones and counts of the record, and who exported it: to read only."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from audit.models import Checkpoint, Inspection, OperationalEvent, RefusalCount, Tombstone
from console.admin_base.read_only_admin import ReadOnlyAdmin
from console.integrity.acknowledging import Acknowledging
from console.site.admin_site import site


class NotedAdmin(ReadOnlyAdmin):
    """`note` says in one sentence what the rows of the list are."""

    change_form_template = "console/without_history.html"
    change_list_template = "console/noted_list.html"
    note: ClassVar[str]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, {"note": self.note, **(extra_context or {})})


@admin.register(Checkpoint, site=site)
class CheckpointAdmin(NotedAdmin):
    note = (
        "Each checkpoint seals the rows since the one before it: if one of them is changed or removed "
        "later, the checkpoint no longer fits."
    )
    list_display = ("number", "created_at", "row_count", "root", "kid")
    fields = ("number", "created_at", "previous", "row_count", "root", "kid", "statement")


@admin.register(Tombstone, site=site)
class TombstoneAdmin(NotedAdmin):
    note = "Each tombstone is the signed permission to delete a range of old rows, and stays in their place."
    list_display = ("id", "created_at", "first_id", "last_id", "actor", "reason")
    fields = ("created_at", "actor", "reason", "first_id", "last_id", "row_count", "kid", "statement")


@admin.register(RefusalCount, site=site)
class RefusalCountAdmin(NotedAdmin):
    note = (
        "Refusals beyond the budget of a source network in a flood: how many there were of each error in a "
        "minute, in place of a row for each."
    )
    list_display = ("at", "issuer", "network", "error", "refused")
    fields = ("at", "issuer", "network", "error", "refused")
    list_filter = ("error",)


@admin.register(Inspection, site=site)
class InspectionAdmin(NotedAdmin):
    note = "Who exported, verified or pruned the record, when, and which rows of it."
    list_display = ("at", "act", "actor", "source", "rows", "filter")
    fields = ("at", "act", "actor", "source", "filter", "rows", "result", "format")
    list_filter = ("act",)


@admin.register(OperationalEvent, site=site)
class OperationalEventAdmin(Acknowledging, NotedAdmin):
    change_list_template = "console/operational_events.html"
    note = (
        "Sign-ins and sign-outs, changes of accounts, starts and stops of the server, gaps in the record, and what "
        "was done to the record itself: who did it, when, and to what."
    )
    list_display = ("at", "kind", "actor", "source", "address", "target", "detail")
    fields = ("at", "kind", "actor", "source", "address", "target", "detail", "statement", "format")
    list_filter = ("kind",)
