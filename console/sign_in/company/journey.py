"""A browser on its way to the provider and back: what it has to bring is in a signed cookie of its own."""

import secrets
from base64 import urlsafe_b64encode
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from console.sign_in.company.provider import NotSignedInError, company, metadata

SALT = "console.sign_in.company.journey"
PATIENCE = 600
"""Seconds for the sign-in at the provider."""
MAX_NEXT = 2_000


@dataclass(frozen=True, slots=True)
class Journey:
    """`state` ties the answer to this browser, `nonce` the ID token, `verifier` the code (RFC 7636)."""

    next: str
    state: str = field(default_factory=secrets.token_urlsafe)
    nonce: str = field(default_factory=secrets.token_urlsafe)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def url(self) -> str:
        """Of the provider's page. Raises NotSignedInError."""
        us, endpoint = company(), metadata().authorization_endpoint
        challenge = urlsafe_b64encode(sha256(self.verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "response_type": "code",
            "client_id": us.client_id,
            "redirect_uri": callback_url(),
            "scope": us.scopes,
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    def pack(self, response: HttpResponseBase) -> None:
        response.set_cookie(
            settings.COMPANY_COOKIE_NAME,
            signing.dumps(asdict(self), salt=SALT),
            max_age=PATIENCE,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )

    def code_in(self, request: HttpRequest) -> str:
        """The code of the answer. Raises NotSignedInError."""
        answer, issuer = request.GET, company().issuer
        if not constant_time_compare(answer.get("state", ""), self.state):
            raise NotSignedInError("The answer belongs to another sign-in of this browser.")
        if answer.get("iss", "" if metadata().names_issuer else issuer) != issuer:
            raise NotSignedInError("The answer is not from OIDC_SIGN_IN_ISSUER.")
        if "error" in answer:
            raise NotSignedInError(f"The provider refused: {answer['error']:.100}.")
        if not answer.get("code"):
            raise NotSignedInError("The answer has no code.")
        return str(answer["code"])


def unpack(request: HttpRequest) -> Journey:
    """Raises NotSignedInError."""
    try:
        packed: dict[str, Any] = signing.loads(
            request.COOKIES.get(settings.COMPANY_COOKIE_NAME, ""), salt=SALT, max_age=PATIENCE
        )
    except signing.BadSignature as error:
        raise NotSignedInError("This browser did not begin a sign-in within ten minutes.") from error
    return Journey(**packed)


def callback_url() -> str:
    """Never by the Host header."""
    return f"{settings.CONSOLE_URL}{reverse('admin:company_callback')}"
