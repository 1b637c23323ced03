from importlib import import_module

from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import pre_migrate

from audit.writing.durability import note_opened_files


class AuditConfig(AppConfig):
    name = "audit"
    verbose_name = "Record"

    def ready(self) -> None:
        connection_created.connect(note_opened_files, dispatch_uid="audit.writing.durability")
        # Connects its own receivers to Django's signals, whose senders are models.
        import_module("audit.writing.account_changes")
        # It imports models, which are available only now.
        going_back = import_module("audit.protection.going_back")
        pre_migrate.connect(
            going_back.refuse_to_lose_rows, sender=self, dispatch_uid="audit.protection.going_back"
        )
