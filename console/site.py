"""The console's own AdminSite: its pages are registered in console/pages/, nothing registers itself."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse

from console.dashboard import overview
from console.login import LoginForm

ORDER = ("issuers", "keys", "relying_parties", "audit", "auth")
"""The apps as an operator meets them."""


class ConsoleSite(AdminSite):
    site_title = "m2m-idp"
    site_header = "m2m-idp"
    index_title = "Overview"
    site_url = None
    login_form = LoginForm

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().index(request, {"overview": overview(request.user), **(extra_context or {})})

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps = self._build_app_dict(request, app_label)
        for app in apps.values():
            # What an auditor comes for stands before what proves it.
            app["models"].sort(key=lambda page: page["object_name"] != "IssuanceEvent")
        return [apps[label] for label in ORDER if label in apps]


site = ConsoleSite(name="admin")
