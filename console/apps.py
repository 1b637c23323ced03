from importlib import import_module

from django.apps import AppConfig
from django.conf import settings


class ConsoleConfig(AppConfig):
    name = "console"
    verbose_name = "Console"

    def ready(self) -> None:
        if settings.HAS_CONSOLE:
            # Registers the pages, so that Django's checks see them.
            import_module("console.urls")
