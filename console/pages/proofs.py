"""What proves the record and bounds it: checkpoints, tombstones and counted refusals, to read only."""

from django.contrib import admin

from audit.models import Checkpoint, RefusalCount, Tombstone
from console.read_only_admin import ReadOnlyAdmin
from console.site import site

WITHOUT_HISTORY = "console/without_history.html"


@admin.register(Checkpoint, site=site)
class CheckpointAdmin(ReadOnlyAdmin):
    change_form_template = WITHOUT_HISTORY
    list_display = ("id", "created_at", "row_count", "root", "kid")
    fields = ("created_at", "previous", "row_count", "root", "kid", "signature")


@admin.register(Tombstone, site=site)
class TombstoneAdmin(ReadOnlyAdmin):
    change_form_template = WITHOUT_HISTORY
    list_display = ("id", "created_at", "first_id", "last_id", "actor", "reason")
    fields = ("created_at", "actor", "reason", "first_id", "last_id", "kid", "signature")


@admin.register(RefusalCount, site=site)
class RefusalCountAdmin(ReadOnlyAdmin):
    change_form_template = WITHOUT_HISTORY
    list_display = ("at", "issuer", "network", "error", "refused")
    fields = ("at", "issuer", "network", "error", "refused")
    list_filter = ("error",)
