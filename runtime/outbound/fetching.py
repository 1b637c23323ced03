"""Fetch a JSON object that somebody else serves, such as a client's key set.

Its URL was written by an operator, or by whoever serves the issuer that an operator named. So the server goes nowhere
but to public addresses and FETCH_ALLOWED_NETWORKS, follows no redirect, and neither waits nor reads for long.
A bearer token goes to the host that it is for (fetch_tokens.py), over TLS.
"""

import json
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from ipaddress import ip_address
from threading import Thread, Timer
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings
from urllib3 import HTTPResponse
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import HTTPError

from formats.strict_json import StrictDecoder
from runtime.main_loop import refuse_to_wait
from runtime.outbound.fetch_tokens import TokenFileError
from runtime.outbound.public_addresses import may_fetch_from
from runtime.outbound.remote_url import RemoteUrl, UrlError, parse

MAX_FETCH = 5.0
"""Seconds, from the look-up of the host to the last byte."""
MAX_BODY = 1_048_576
BLOCK = 65_536
OK = 200
UNAUTHORIZED, FORBIDDEN = 401, 403
REDIRECTS = range(300, 400)
HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "m2m-idp"}

IF_ANONYMOUS = "no bearer token was sent: name the trusted issuer's token file."
IF_KNOWN = "to the bearer token of its token file: replace the token, or let whoever it is for read the URL."
IF_CLIENT = "correct the client ID and the client secret, or register this client there."

TokenOf = Callable[[str], str | None]
"""The bearer token for a host, None for none. Raises TokenFileError."""
SocketAddress = tuple[socket.AddressFamily, tuple[Any, ...]]


class FetchError(Exception):
    """Nothing usable was fetched. The text is for the operator: it says what to do, and holds no secret."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A request, and what to do if whoever sent it is refused."""

    headers: Mapping[str, str] = field(repr=False)
    if_refused: str
    method: str = "GET"
    body: str | None = field(default=None, repr=False)


def anonymous(_host: str) -> None:
    """A TokenOf."""


def fetch_json(url: str, *, ends_at: float | None = None, token_of: TokenOf = anonymous) -> dict[str, Any]:
    """The JSON object at the URL. Raises FetchError.

    `ends_at`, on the clock of time.monotonic(), is the end of an act of several fetches.
    """

    def sent(remote: RemoteUrl) -> _Sent:
        bearer = token_of(remote.host)
        if bearer is None:
            return _Sent(HEADERS, f", and {IF_ANONYMOUS}")
        return _Sent({**HEADERS, "Authorization": f"Bearer {bearer}"}, f" {IF_KNOWN}")

    return _answered(url, sent, ends_at)


def post_form(url: str, form: Mapping[str, str], *, client_id: str, client_secret: str) -> dict[str, Any]:
    """The JSON object with which a token endpoint answers a client (RFC 6749 section 2.3.1). Raises FetchError."""
    proof = b64encode(f"{quote(client_id, safe='')}:{quote(client_secret, safe='')}".encode()).decode()
    headers = {
        **HEADERS,
        "Authorization": f"Basic {proof}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    return _answered(url, lambda _remote: _Sent(headers, f": {IF_CLIENT}", "POST", urlencode(form)))


def _answered(url: str, sent: Callable[[RemoteUrl], _Sent], ends_at: float | None = None) -> dict[str, Any]:
    refuse_to_wait()
    ends_at = time.monotonic() + MAX_FETCH if ends_at is None else ends_at
    try:
        remote = parse(url)
    except UrlError as error:
        raise FetchError(f"A URL cannot be fetched. {error}") from error
    try:
        return _object(remote, _body(remote, ends_at, sent(remote)))
    except TokenFileError as error:
        raise FetchError(str(error)) from error
    except (OSError, HTTPException, HTTPError) as error:
        raise FetchError(_advice(remote, error, ends_at)) from error


def _body(remote: RemoteUrl, ends_at: float, sent: _Sent) -> bytes:
    sock = _connected(_checked_addresses(remote, ends_at), ends_at)
    with sock, _shut_at(ends_at, sock), closing(_Connection(remote, sock)) as connection:
        connection.request(
            sent.method, remote.target, body=sent.body, headers=sent.headers,
            preload_content=False, decode_content=False,
        )  # fmt: skip
        with closing(connection.getresponse()) as response:
            _check_head(remote, response, sent)
            body = _read(remote, response)
        # An answer that was cut may look whole.
        _left(ends_at)
    return body


class _Connection(HTTPSConnection):
    """TLS over a socket that is connected to a checked address: the host's name is not looked up again."""

    def __init__(self, remote: RemoteUrl, connected: socket.socket) -> None:
        super().__init__(remote.host, remote.port, timeout=MAX_FETCH, ssl_context=_trust())
        self._connected = connected

    def _new_conn(self) -> socket.socket:
        return self._connected


def _trust() -> ssl.SSLContext:
    """The authorities of FETCH_CA_FILE, or those that the system trusts."""
    try:
        return ssl.create_default_context(cafile=settings.FETCH_CA_FILE or None)
    except OSError as error:
        raise FetchError(
            f"FETCH_CA_FILE cannot be read any more ({error}): put the PEM bundle back."
        ) from error


def _checked_addresses(remote: RemoteUrl, ends_at: float) -> list[SocketAddress]:
    """Those of the host, looked up once. One that may not be fetched from refuses them all."""
    addresses = _resolved(remote, ends_at)
    for _, (text, *_) in addresses:
        if not may_fetch_from(ip_address(text)):
            raise FetchError(
                f"{remote.host} has the address {text}, which is not public: correct the URL, or name the "
                "network of that address in FETCH_ALLOWED_NETWORKS."
            )
    return addresses


def _resolved(remote: RemoteUrl, ends_at: float) -> list[SocketAddress]:
    """In a thread of its own, which is left behind when the time is over: a look-up cannot be stopped."""
    answer: Future[list[SocketAddress]] = Future()
    Thread(target=_look_up, args=(remote, answer), daemon=True).start()
    try:
        return answer.result(timeout=_left(ends_at))
    except (socket.gaierror, UnicodeError) as error:
        raise FetchError(
            f"The name {remote.host} has no address ({error}): correct the URL, or the name server."
        ) from error


def _look_up(remote: RemoteUrl, answer: "Future[list[SocketAddress]]") -> None:
    try:
        found = socket.getaddrinfo(remote.host, remote.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        answer.set_exception(error)
        return
    answer.set_result([(family, address) for family, _, _, _, address in found])


def _connected(addresses: list[SocketAddress], ends_at: float) -> socket.socket:
    """To the first that answers. Each has its share of the time that is left."""
    failure = OSError("no address")
    for number, (family, address) in enumerate(addresses):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(_left(ends_at) / (len(addresses) - number))
            sock.connect(address)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure


@contextmanager
def _shut_at(ends_at: float, sock: socket.socket) -> Iterator[None]:
    """Shut the connection when its time is over, wherever it stands.

    The timeout of a socket is not enough: it begins again with each byte.
    """
    sock.settimeout(MAX_FETCH)
    # TLS takes the socket's own descriptor away from it.
    with sock.dup() as twin:
        timer = Timer(_left(ends_at), _shut, [twin])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            # It must not shut what has the descriptor next.
            timer.join()


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _left(ends_at: float) -> float:
    """Seconds. Raises TimeoutError if there are none."""
    left = ends_at - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _check_head(remote: RemoteUrl, response: HTTPResponse, sent: _Sent) -> None:
    if response.status in REDIRECTS:
        raise FetchError(
            f"{remote} answered {response.status}, and redirects are not followed: write the URL that it leads to."
        )
    if response.status in {UNAUTHORIZED, FORBIDDEN}:
        raise FetchError(f"{remote} answered {response.status}{sent.if_refused}")
    if response.status != OK:
        raise FetchError(
            f"{remote} answered {response.status} instead of 200: correct the URL, or what serves it."
        )
    if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise FetchError(
            f"{remote} answered in a content coding, though it was asked for none: correct the server."
        )


def _read(remote: RemoteUrl, response: HTTPResponse) -> bytes:
    """By single reads of a bounded size: a chunk may give any size for its own, a negative one too."""
    body = b""
    while block := response.read1(BLOCK):
        body += block
        if len(body) > MAX_BODY:
            raise FetchError(f"{remote} answered more than 1 MiB: correct the URL.")
    return body


def _object(remote: RemoteUrl, body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body.decode(), cls=StrictDecoder)
    except (ValueError, RecursionError) as error:
        raise FetchError(
            f"{remote} answered no JSON ({error!s:.200}): correct the URL, or what serves it."
        ) from error
    if not isinstance(value, dict):
        raise FetchError(f"{remote} answered JSON that is not an object: correct the URL, or what serves it.")
    return value


def _advice(remote: RemoteUrl, error: Exception, ends_at: float) -> str:
    if isinstance(error, TimeoutError) or time.monotonic() >= ends_at:
        return (
            f"{remote} did not answer within {MAX_FETCH:g} seconds: look whether it can be reached from here."
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"The certificate of {remote} is not trusted ({error.verify_message}): correct it, or name a bundle "
            "with its authority in FETCH_CA_FILE."
        )
    if isinstance(error, OSError):
        return f"{remote} cannot be reached ({error}): correct the URL, or the network."
    return f"{remote} did not answer in proper HTTP ({type(error).__name__}): correct the URL, or what serves it."
