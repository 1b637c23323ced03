from django.urls import path
from django.views.generic import RedirectView

from console import dashboard
from console.apis import page as resource_servers
from console.clients import claim_templates, parts, timeline_page, try_page
from console.clients import page as relying_parties
from console.credentials import page as credentials
from console.federation import trusted_issuers
from console.find import page as find
from console.incidents import contain_page
from console.integrity import evidence, integrity_page, proofs
from console.issuers import global_variables
from console.issuers import page as issuers
from console.overview import tidy_page
from console.people import page as users
from console.people import second_factor_page, sessions_page
from console.reports import access_page, activity_page
from console.requests import page as record
from console.requests.why import why_page
from console.signing_keys import page as signing_keys
from console.site.admin_site import site

PAGES = (
    dashboard,
    tidy_page,
    issuers,
    global_variables,
    signing_keys,
    relying_parties,
    parts,
    timeline_page,
    try_page,
    claim_templates,
    resource_servers,
    trusted_issuers,
    record,
    credentials,
    find,
    why_page,
    proofs,
    integrity_page,
    evidence,
    contain_page,
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
