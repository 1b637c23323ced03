"""Whose request it is when proxies stand before the server.

Only what a proxy of TRUSTED_PROXIES said is believed, and only as many hops as are such proxies; for any other request
address and scheme are the socket's.
"""

import ipaddress
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

MAX_ADDRESS = 64
"""Characters: of an IPv6 address with the name of an interface."""
PEER = "m2m_idp.peer"
"""Where the WSGI environment keeps the socket's own address. No header has a name like this."""


class ForwardedMiddleware:
    """Puts the client's address and scheme where Django looks for the peer's."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        believe(request.META)
        return self.get_response(request)


def believe(environ: dict[str, Any]) -> None:
    """Put the client's address and scheme into the WSGI environment, which is a request's META, too."""
    if settings.TRUSTED_PROXIES:
        environ[PEER] = environ["REMOTE_ADDR"]
        environ["REMOTE_ADDR"], environ["wsgi.url_scheme"] = believed(environ)


def believed(meta: dict[str, Any]) -> tuple[str, str]:
    """The client's address and scheme."""
    address: str = meta["REMOTE_ADDR"]
    scheme: str = meta["wsgi.url_scheme"]
    schemes = _listed(meta.get("HTTP_X_FORWARDED_PROTO", ""))
    for hop in reversed(_listed(meta.get("HTTP_X_FORWARDED_FOR", ""))):
        if not is_trusted(address) or parsed_address(hop) is None:
            break
        address = hop
        scheme = _next_scheme(schemes, otherwise=scheme)
    return address, scheme


def peer_of(meta: Mapping[str, Any]) -> str:
    """The address of the other end of the connection: the client, or the nearest proxy."""
    peer: str = meta.get(PEER) or meta["REMOTE_ADDR"]
    return peer


def is_trusted(address: str) -> bool:
    if not settings.TRUSTED_PROXIES:
        return False
    parsed = parsed_address(address)
    return parsed is not None and any(parsed in network for network in settings.TRUSTED_PROXIES)


def _next_scheme(schemes: list[str], *, otherwise: str) -> str:
    """What this hop said of the scheme; a single value is the outermost proxy's and stands for all hops."""
    scheme = schemes[-1] if schemes else ""
    if len(schemes) > 1:
        schemes.pop()
    return scheme if scheme in {"http", "https"} else otherwise


def _listed(header: str) -> list[str]:
    return [value.strip().lower() for value in header.split(",") if value.strip()]


Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def parsed_address(text: str) -> Address | None:
    """An IPv4 address in IPv6 dress, as a socket for both gives it, is an IPv4 address (RFC 4291 section 2.5.5.2)."""
    return _parsed_address(text) if len(text) <= MAX_ADDRESS else None


@lru_cache(maxsize=4_096)
def _parsed_address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address
