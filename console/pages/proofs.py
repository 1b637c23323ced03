"""What proves the record and bounds it, and who took it away: to read only."""

from django.contrib import admin

from audit.models import Checkpoint, Inspection, RefusalCount, Tombstone
from console.read_only_admin import ReadOnlyAdmin
from console.site import site

WITHOUT_HISTORY = "console/without_history.html"


@admin.register(Checkpoint, site=site)
class CheckpointAdmin(ReadOnlyAdmin):
    change_form_template = WITHOUT_HISTORY
    list_display = ("number", "created_at", "row_count", "root", "kid")
    fields = ("number", "created_at", "previous", "row_count", "root", "kid", "statement")


@admin.register(Tombstone, site=site)
class TombstoneAdmin(ReadOnlyAdmin):
    change_form_template = WITHOUT_HISTORY
    list_display = ("id", "created_at", "first_id", "last_id", "actor", "reason")
    fields = ("created_at", "actor", "reason", "first_id", "last_id", "row_count", "kid", "statement")


@admin.register(RefusalCount, site=site)
class RefusalCountAdmin(ReadOnlyAdmin):
    change_form_template = WITHOUT_HISTORY
    list_display = ("at", "issuer", "network", "error", "refused")
    fields = ("at", "issuer", "network", "error", "refused")
    list_filter = ("error",)


@admin.register(Inspection, site=site)
class InspectionAdmin(ReadOnlyAdmin):
    change_form_template = WITHOUT_HISTORY
    list_display = ("at", "act", "actor", "source", "rows", "filter")
    fields = ("at", "act", "actor", "source", "filter", "rows", "result", "format")
    list_filter = ("act",)
