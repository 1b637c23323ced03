from django.urls import path
from django.views.generic import RedirectView

from console import dashboard  # noqa: F401 (a page registers itself)
from console.pages import (  # noqa: F401
    access_report,
    activity,
    claim_templates,
    client_timeline,
    global_variables,
    issuers,
    parts,
    proofs,
    record,
    relying_parties,
    resource_servers,
    signing_keys,
    trusted_issuers,
    users,
)
from console.site import site

urlpatterns = [
    path("admin", RedirectView.as_view(url="/admin/", permanent=False)),
    path("admin/", site.urls),
]
