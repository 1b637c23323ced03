from importlib import import_module

from django.apps import AppConfig
from django.db.backends.signals import connection_created

from audit.durability import note_opened_file


class AuditConfig(AppConfig):
    name = "audit"
    verbose_name = "Record"

    def ready(self) -> None:
        connection_created.connect(note_opened_file, dispatch_uid="audit.durability")
        # Connects itself to Django's signals, whose senders are models.
        import_module("audit.account_changes")
