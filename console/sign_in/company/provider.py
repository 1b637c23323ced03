"""The company's OpenID provider: its metadata, the exchange of a code, and its ID token (OpenID Connect Core, 3.1)."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

from django.conf import settings
from django.http import Http404
from django.utils.crypto import constant_time_compare

from console.sign_in.company.registration import CompanySignIn
from issuance.signed_jwt import (
    JwtRefusedError,
    read_jwt,
    refuse_other_audience,
    refuse_other_kind,
    refuse_outside_time,
    verified_by,
)
from relying_parties.jwks.published_keys import published_keys
from runtime.outbound.fetching import FetchError, fetch_json, post_form

FRESH = 600.0
"""Seconds for which the metadata is used without another look."""
MAX_TOKEN_LIFE = 86_400
"""Seconds that an ID token may last."""


class NotSignedInError(Exception):
    """The provider did not say who it is. The text is for the record and the person, and holds no secret."""

    @property
    def for_the_person(self) -> str:
        return str(self)


class ProviderAwayError(NotSignedInError):
    """It could not be asked. How this server is set up to reach it is for the record alone."""

    @property
    def for_the_person(self) -> str:
        return "The provider cannot be asked now. Try again in a minute, or ask an operator to look at the record."


@dataclass(frozen=True, slots=True)
class Metadata:
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    names_issuer: bool
    """Each answer names who gave it (RFC 9207)."""


def company() -> CompanySignIn:
    """Raises Http404 where people sign in with passwords alone."""
    found: CompanySignIn | None = settings.COMPANY_SIGN_IN
    if found is None:
        raise Http404
    return found


_lock = Lock()
_known: dict[str, tuple[Metadata, float]] = {}
"""By issuer, with the instant of the fetch."""


def metadata() -> Metadata:
    """Raises NotSignedInError."""
    issuer = company().issuer
    with _lock:
        found, at = _known.get(issuer, (None, 0.0))
    if found is not None and time.monotonic() - at < FRESH:
        return found
    fresh = _discovered(issuer)
    with _lock:
        _known[issuer] = (fresh, time.monotonic())
    return fresh


def forget_metadata() -> None:
    with _lock:
        _known.clear()


def claims_for(
    code: str, *, redirect_uri: str, verifier: str, nonce: str, now: datetime
) -> Mapping[str, Any]:
    """Exchange the code; the claims of a valid ID token. Raises NotSignedInError."""
    us, provider = company(), metadata()
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
    }
    try:
        answer = post_form(
            provider.token_endpoint, form, client_id=us.client_id, client_secret=us.client_secret
        )
        keys = fetch_json(provider.jwks_uri).get("keys")
    except FetchError as error:
        raise ProviderAwayError(str(error)) from error
    token = answer.get("id_token")
    if not isinstance(token, str) or not isinstance(keys, list):
        raise NotSignedInError("The provider answered without an ID token or without keys.")
    try:
        return _valid(token, keys, nonce=nonce, now=now)
    except JwtRefusedError as error:
        raise NotSignedInError(f"The ID token is refused. {error}") from error


def _valid(text: str, keys: list[Any], *, nonce: str, now: datetime) -> Mapping[str, Any]:
    """OpenID Connect Core, section 3.1.3.7. Raises JwtRefusedError."""
    us, token = company(), read_jwt(text)
    refuse_other_kind(token, typ=frozenset({"", "jwt"}))
    verified_by(token, published_keys(keys), now=now)
    if token.text("iss") != us.issuer:
        raise JwtRefusedError("Its iss is not OIDC_SIGN_IN_ISSUER.")
    refuse_other_audience(token, allowed=(us.client_id,))
    refuse_outside_time(token, longest=MAX_TOKEN_LIFE, now=now)
    if not constant_time_compare(token.text("nonce"), nonce):
        raise JwtRefusedError("Its nonce is that of another sign-in.")
    token.text("sub")
    return token.claims


def _discovered(issuer: str) -> Metadata:
    """OpenID Connect Discovery, section 4."""
    try:
        found = fetch_json(f"{issuer.removesuffix('/')}/.well-known/openid-configuration")
    except FetchError as error:
        raise ProviderAwayError(str(error)) from error
    if found.get("issuer") != issuer:
        raise NotSignedInError(f"The metadata of {issuer} names another issuer: they must be the same.")
    endpoints = [found.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    if not all(isinstance(url, str) and url.startswith("https://") for url in endpoints):
        raise NotSignedInError(f"The metadata of {issuer} lacks an endpoint, or has one that is not https.")
    authorization, token, jwks = map(str, endpoints)
    names_issuer = found.get("authorization_response_iss_parameter_supported") is True
    return Metadata(authorization, token, jwks, names_issuer=names_issuer)
