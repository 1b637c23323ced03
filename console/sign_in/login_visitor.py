"""Who asks for a password to be checked: a browser that has logged in here before, or a network."""

from dataclasses import dataclass
from hashlib import sha256

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.crypto import constant_time_compare, salted_hmac

from issuance.client_auth.throttle import source_network

SALT = "console.sign_in.login_visitor"
KNOWN_FOR = 90 * 24 * 3600
"""Seconds after its last login for which a browser is known."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """`known_user` identifies the user who last logged in with this browser, empty for none or too long ago."""

    network: str
    """A /32 or /64, as the token endpoint counts."""
    known_user: str

    @classmethod
    def of(cls, request: HttpRequest) -> "Visitor":
        return cls(network=source_network(request.META["REMOTE_ADDR"]), known_user=_known_user(request))

    @property
    def key(self) -> str:
        return f"user {self.known_user}" if self.known_user else f"network {self.network}"

    def key_for(self, username: str) -> str:
        """For the failures of one name. Hashed: the name is any text of any length."""
        whose = self.key if self.knows(username) else f"network {self.network}"
        return _hashed(f"{whose} {username}")

    def key_anywhere(self, username: str) -> str:
        """For the failures of one name from all networks."""
        return _hashed(username)

    def knows(self, username: str) -> bool:
        return bool(self.known_user) and constant_time_compare(self.known_user, mark_of(username))


def remember(response: HttpResponseBase, username: str) -> None:
    """Only this server can make the cookie, and it grants nothing: the password is still asked for."""
    response.set_cookie(
        settings.KNOWN_BROWSER_COOKIE_NAME,
        signing.TimestampSigner(salt=SALT).sign(mark_of(username)),
        max_age=KNOWN_FOR,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _hashed(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def mark_of(username: str) -> str:
    return salted_hmac(SALT, username, algorithm="sha256").hexdigest()


def _known_user(request: HttpRequest) -> str:
    cookie = request.COOKIES.get(settings.KNOWN_BROWSER_COOKIE_NAME, "")
    try:
        return signing.TimestampSigner(salt=SALT).unsign(cookie, max_age=KNOWN_FOR)
    except signing.BadSignature:
        return ""
