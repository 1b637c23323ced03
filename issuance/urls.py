"""Every URL of the protocol. An issuer's resources stand under its path, and again under the seed's prefix `api/`."""

from django.urls import URLPattern, path, re_path

from issuance.discovery.document_views import AuthorizeView, DiscoveryView, JwksView, RecordJwksView
from issuance.health.views import LivezView, ReadyzView
from issuance.views import TokenView
from issuance.wire.protocol_view import NothingHere

SLUG = "[A-Za-z0-9_-]+"
ISSUER = rf"^(?:api/)?(?:(?P<path>{SLUG})/)?"
"""No path is the root issuer's."""
WELL_KNOWN = rf"^(?:api/)?\.well-known/%s/(?P<path>{SLUG})$"
OPENID = r"\.well-known/openid-configuration"

token, jwks, discovery = TokenView.as_view(), JwksView.as_view(), DiscoveryView.as_view()

operations_urls: list[URLPattern] = [
    path("livez", LivezView.as_view()),
    path("readyz", ReadyzView.as_view()),
]
protocol_urls: list[URLPattern] = [
    path("audit/jwks", RecordJwksView.as_view()),
    re_path(f"{ISSUER}token$", token),
    re_path(f"{ISSUER}authorize$", AuthorizeView.as_view()),
    re_path(f"{ISSUER}jwks$", jwks),
    re_path(rf"{ISSUER}\.well-known/jwks\.json$", jwks),
    re_path(f"{ISSUER}{OPENID}$", discovery),
    re_path(f"{ISSUER}{OPENID}/jwks$", jwks),
    re_path(WELL_KNOWN % "openid-configuration", discovery),
    re_path(WELL_KNOWN % "oauth-authorization-server", discovery),
    re_path(rf"{ISSUER}\.well-known/oauth-authorization-server$", discovery),
    # The seed's token endpoint is the issuer's URL itself.
    re_path(rf"^(?:api/)?(?P<path>{SLUG})$", token),
    path("", token),
]
nothing_else: list[URLPattern] = [re_path("", NothingHere.as_view())]
