"""URLs that are fetched: which are taken, judged by their text alone.

Each has one reading. A host that a resolver and a person could read in two ways, such as 0177.0.0.1, is refused.
"""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

MAX_URL_LENGTH = 2_000
MAX_NAME_LENGTH = 253
HTTPS_PORT = 443
MAX_PORT = 65_535

URL_CHARACTERS = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?#\[\]-]|%[0-9A-Fa-f]{2})*")
"""Those of RFC 3986, section 2."""
AUTHORITY = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>[1-9][0-9]{0,4}))?")
LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
NAME = re.compile(rf"{LABEL}(?:\.{LABEL})*")
NUMBER_LAST = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
"""Resolvers read such a host as an IPv4 address (WHATWG URL, section 3.5)."""


class UrlError(ValueError):
    """The URL may not be fetched; the text says why, and what to write."""


@dataclass(frozen=True, slots=True)
class RemoteUrl:
    """An https URL. `host` is a name in lower case or an IP address without brackets."""

    host: str
    port: int
    target: str
    """Path and query, as they stand in a request line."""

    def __str__(self) -> str:
        """Without the query, which may hold a secret."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == HTTPS_PORT else f":{self.port}"
        return f"https://{host}{port}{self.target.partition('?')[0]}"


def url_problem(url: str) -> str | None:
    """Why the URL cannot be fetched, for whoever wrote it. Its host is not looked up."""
    try:
        parse(url)
    except UrlError as error:
        return str(error)
    return None


def issuer_problem(url: str) -> str | None:
    """The same for an issuer, which has no query (OpenID Connect Discovery, section 3)."""
    if "?" in url:
        return "An issuer has no query: leave out what follows the question mark."
    return url_problem(url)


def parse(url: str) -> RemoteUrl:
    """Raises UrlError."""
    if len(url) > MAX_URL_LENGTH:
        raise UrlError(f"A URL has at most {MAX_URL_LENGTH:,} characters.")
    if not url.startswith("https://"):
        raise UrlError("A URL must begin with https://, in lower case.")
    if not URL_CHARACTERS.fullmatch(url):
        raise UrlError("A URL is of ASCII: write other characters of it as %XX, and those of a name as xn--.")
    if "#" in url:
        raise UrlError("A fragment is sent to no server: leave out what follows the #.")
    authority, target = _split(url.removeprefix("https://"))
    if "@" in authority:
        raise UrlError("A URL that is fetched holds no user name or password: leave out what precedes the @.")
    matched = AUTHORITY.fullmatch(authority)
    port = int(matched["port"] or HTTPS_PORT) if matched else 0
    if not matched or port > MAX_PORT:
        raise UrlError(
            f"After https:// comes a host, and a port from 1 to {MAX_PORT} if it is not {HTTPS_PORT}."
        )
    return RemoteUrl(host=_host(matched["host"].lower()), port=port, target=target)


def _split(rest: str) -> tuple[str, str]:
    """The authority, and the target with the slash that it may lack."""
    authority = re.split(r"[/?]", rest, maxsplit=1)[0]
    target = rest[len(authority) :]
    return authority, target if target.startswith("/") else f"/{target}"


def _host(text: str) -> str:
    if text.startswith("["):
        return _ipv6(text[1:-1])
    if NUMBER_LAST.fullmatch(text):
        return _ipv4(text)
    if len(text) > MAX_NAME_LENGTH or not NAME.fullmatch(text):
        raise UrlError(
            "The host must be a name such as idp.example.com, without a dot at its end, or an IP address."
        )
    return text


def _ipv4(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except AddressValueError as error:
        raise UrlError("An IPv4 address is written as four decimal numbers, such as 192.0.2.1.") from error


def _ipv6(text: str) -> str:
    try:
        address = IPv6Address(text)
    except AddressValueError as error:
        raise UrlError("An IPv6 address is written such as [2001:db8::1].") from error
    if address.ipv4_mapped:
        raise UrlError(f"Write the IPv4 address {address.ipv4_mapped} itself.")
    if address.scope_id or str(address) != text:
        raise UrlError(
            "An IPv6 address is written in its shortest form, such as [2001:db8::1], without a zone."
        )
    return text
