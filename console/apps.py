from importlib import import_module

from django.apps import AppConfig
from django.conf import settings


class ConsoleConfig(AppConfig):
    name = "console"
    verbose_name = "Console"

    def ready(self) -> None:
        # Connects its own receivers to Django's signals, whose senders are models.
        import_module("console.sign_in.sign_ins")
        import_module("console.sign_in.sessions")
        if settings.HAS_CONSOLE:
            # Registers the pages, so that Django's checks see them, and the console's own check.
            import_module("console.urls")
            import_module("console.site.static_files")
