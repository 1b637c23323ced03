"""The public surface: IDP_SURFACE picks what stands."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from issuance.urls import nothing_else, operations_urls, protocol_urls

# A target that is no path, such as the asterisk of OPTIONS, matches no pattern.
handler404 = "issuance.wire.protocol_view.nothing_here"
handler500 = "console.site.unavailable.failed"

urlpatterns: list[URLPattern | URLResolver] = [
    *operations_urls,
    *([path("", include("console.urls"))] if settings.HAS_CONSOLE else []),
    *(protocol_urls if settings.HAS_PROTOCOL else []),
    *nothing_else,
]
