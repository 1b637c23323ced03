from django.urls import path
from django.views.generic import RedirectView

from console import dashboard
from console.apis import page as resource_servers
from console.clients import claim_templates, parts, timeline_page
from console.clients import page as relying_parties
from console.federation import trusted_issuers
from console.integrity import proofs
from console.issuers import global_variables
from console.issuers import page as issuers
from console.people import page as users
from console.people import second_factor_page, sessions_page
from console.reports import access_page, activity_page
from console.requests import page as record
from console.signing_keys import page as signing_keys
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
    sessions_page,
    second_factor_page,
)
"""Each module registers its pages at the site when it is imported."""

urlpatterns = [
    path("admin", RedirectView.as_view(url="/admin/", permanent=False)),
    path("admin/", site.urls),
]
