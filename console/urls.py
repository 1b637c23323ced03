from django.urls import path
from django.views.generic import RedirectView

from console import dashboard
from console.apis import resource_servers
from console.clients import claim_templates, parts, relying_parties, timeline_page
from console.federation import trusted_issuers
from console.integrity import proofs
from console.issuers import global_variables, issuers
from console.people import users
from console.reports import access_page, activity_page
from console.requests import record
from console.signing_keys import signing_keys
from console.site.admin_site import site

PAGES = (
    dashboard,
    issuers,
    global_variables,
    signing_keys,
    relying_parties,
    parts,
    timeline_page,
    claim_templates,
    resource_servers,
    trusted_issuers,
    record,
    proofs,
    access_page,
    activity_page,
    users,
)
"""Each registers itself at the site when it is imported."""

urlpatterns = [
    path("admin", RedirectView.as_view(url="/admin/", permanent=False)),
    path("admin/", site.urls),
]
