from django.apps import AppConfig
from django.core.checks import register

from issuance.checks import shares_counts


class IssuanceConfig(AppConfig):
    name = "issuance"

    def ready(self) -> None:
        register(shares_counts, deploy=True)
