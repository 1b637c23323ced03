"""A pasted request, as a curl command or as it stands on the wire, as what the token endpoint would read."""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from django.conf import settings

from console.requests.why.pasted_curl import CurlError, read_curl
from issuance.trials.dry_run import SentRequest
from issuance.urls import protocol_urls, token
from issuance.wire.token_request import FORM

REQUEST_LINE = re.compile(r"([A-Z]+) (\S+) HTTP/[0-9.]+")
HEADER = re.compile(r"([A-Za-z0-9-]+):[ \t]*(.*)")
READ = ("authorization", "content-type", "dpop")
"""The headers that the token endpoint reads."""


class PasteError(Exception):
    """It is not a token request; the text repeats nothing of it."""


def sent_by_curl(command: str) -> SentRequest:
    """Raises PasteError."""
    try:
        read = read_curl(command)
    except CurlError as error:
        raise PasteError(f"The curl command is not understood. {error}") from error
    headers = _headers(read.headers)
    if read.authorization is not None and "authorization" in headers:
        raise PasteError("The curl command has both --user and a header Authorization: leave one out.")
    url = read.url if "://" in read.url else f"http://{read.url}"
    return _request(url, headers, authorization=read.authorization, body="&".join(read.data))


def sent_raw(text: str, *, issuer: str) -> SentRequest:
    """Headers, an empty line and the body, with or without the request line; or the body alone.

    `issuer`: the path of the one that is asked where no request line names it. Raises PasteError.
    """
    lines = text.strip().splitlines()
    target = f"/{issuer}/token" if issuer else "/token"
    if line := REQUEST_LINE.fullmatch(lines[0].strip()):
        if line[1] != "POST":
            raise PasteError("Its method is not POST: a token is asked for by POST.")
        target, lines = line[2], lines[1:]
    pairs = []
    while lines and (header := HEADER.fullmatch(lines[0].strip())):
        pairs.append((header[1], header[2].strip()))
        lines = lines[1:]
    return _request(target, _headers(pairs), authorization=None, body="".join(part.strip() for part in lines))


def _headers(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Those that are read, by their names in lower case. Of one that is repeated, the values with a comma between."""
    found: dict[str, str] = {}
    for name, value in pairs:
        lower = name.lower()
        if lower in READ:
            found[lower] = f"{found[lower]},{value}" if lower in found else value
    return found


def _request(url: str, headers: dict[str, str], *, authorization: str | None, body: str) -> SentRequest:
    """Raises PasteError."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise PasteError("Its URL is malformed.") from error
    path = parts.path.removeprefix(urlsplit(settings.PUBLIC_URL).path)
    return SentRequest(
        issuer=_issuer_path(path),
        path=path,
        query=parts.query,
        content_type=headers.get("content-type", FORM),
        authorization=authorization if authorization is not None else headers.get("authorization", ""),
        dpop=headers.get("dpop"),
        body=body.encode(),
    )


def _issuer_path(path: str) -> str:
    """Empty for the root issuer."""
    for pattern in protocol_urls:
        match = pattern.resolve(path.removeprefix("/"))
        if match and match.func is token:
            return str(match.kwargs.get("path", ""))
    raise PasteError("Its URL is not that of a token endpoint of this server.")
