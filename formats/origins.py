"""Origins as a browser sends them (RFC 6454 section 6.2): scheme, host and port, and nothing after them."""

from typing import Any
from urllib.parse import urlsplit

MAX_ORIGINS = 50
DEFAULT_PORTS = {"http": 80, "https": 443}


def origins_problem(origins: Any) -> str | None:
    """What is wrong with a list of origins, None if nothing is."""
    if not isinstance(origins, list) or not all(isinstance(origin, str) for origin in origins):
        return 'A list of origins, such as ["https://app.example"].'
    if len(origins) > MAX_ORIGINS:
        return f"At most {MAX_ORIGINS} origins; there are {len(origins)}."
    if len(set(origins)) < len(origins):
        return "An origin is listed twice."
    for origin in origins:
        if origin != (written := serialized(origin)):
            hint = (
                f": write {written}" if written else ", such as https://app.example or http://localhost:5173"
            )
            return f"{origin[:100]} is not an origin as browsers send it{hint}."
    return None


def serialized(url: str) -> str | None:
    """The origin of the URL as a browser writes it, None if it has none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.scheme not in DEFAULT_PORTS or not host.isascii() or not host or "*" in host or " " in host:
        return None
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (
        f":{port}" if port not in (None, DEFAULT_PORTS[parts.scheme]) else ""
    )
