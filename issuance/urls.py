"""Every URL of the protocol. An issuer's resources stand under its path, and again under the seed's prefix `api/`."""

from django.urls import URLPattern, path, re_path

from issuance.views import DiscoveryView, JwksView, RecordJwksView, TokenView
from issuance.health import LivezView, ReadyzView
from issuance.protocol_view import NothingHere

ROOT = {"path": ""}


def _issuer_urls(prefix: str) -> list[URLPattern]:
    token, jwks, discovery = TokenView.as_view(), JwksView.as_view(), DiscoveryView.as_view()
    well_known = ".well-known/openid-configuration"
    of_root: list[URLPattern] = [
        path(f"{prefix}token", token, ROOT),
        path(f"{prefix}jwks", jwks, ROOT),
        path(f"{prefix}{well_known}", discovery, ROOT),
        path(f"{prefix}{well_known}/jwks", jwks, ROOT),
        path(f"{prefix}.well-known/oauth-authorization-server", discovery, ROOT),
        path(prefix.rstrip("/"), token, ROOT),
    ]
    of_path: list[URLPattern] = [
        path(f"{prefix}<slug:path>/token", token),
        path(f"{prefix}<slug:path>/jwks", jwks),
        path(f"{prefix}<slug:path>/{well_known}", discovery),
        path(f"{prefix}<slug:path>/{well_known}/jwks", jwks),
        path(f"{prefix}{well_known}/<slug:path>", discovery),
        path(f"{prefix}.well-known/oauth-authorization-server/<slug:path>", discovery),
        path(f"{prefix}<slug:path>", token),
    ]
    return [*of_root, *of_path]


operations_urls: list[URLPattern] = [
    path("livez", LivezView.as_view()),
    path("readyz", ReadyzView.as_view()),
]
protocol_urls: list[URLPattern] = [
    path("audit/jwks", RecordJwksView.as_view()),
    *_issuer_urls(""),
    *_issuer_urls("api/"),
]
nothing_else: list[URLPattern] = [re_path("", NothingHere.as_view())]
