from importlib import import_module

from django.apps import AppConfig


class IssuanceConfig(AppConfig):
    name = "issuance"

    def ready(self) -> None:
        # They read models, which are there only now.
        import_module("issuance.checks")
