"""The protocol: one view an endpoint, each step of the road on its line."""

import hashlib
import secrets
from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.http import parse_etags
from rest_framework.request import Request

from audit.entry import Entry
from audit.record import NotRecordedError, record
from audit.record_health import RECORD_HEALTH
from issuance import flood, story
from issuance.access_token import token_for
from issuance.answers import NO_STORE, json_answer
from issuance.binding import bind
from issuance.client_auth import present, registered
from issuance.documents import active_issuer, discovery_of, issuer_of, issuing_issuer, keyring_of
from issuance.errors import NotRecorded, OAuthError, TemporarilyUnavailable
from issuance.grants import authorize
from issuance.peer_certificate import peer_certificate
from issuance.protocol_view import ProtocolView
from issuance.quota import spend_quota
from issuance.replay import OneUse, refuse_used, using, using_up
from issuance.request_body import read_body
from issuance.signing_key import ready_key, signed
from issuance.throttle import prove
from issuance.token_request import TokenRequest, parse
from issuers.directory import IssuerSnapshot
from issuers.turns import Turns
from keys.keyring import RECORD

AT_ONCE = Turns(settings.DATABASE_TURNS)
"""More tokens at once would only take the interpreter from each other. While none of these gets on, others may."""


class TokenView(ProtocolView):
    """The token endpoint (RFC 6749 section 3.2), for the client credentials grant (section 4.4)."""

    http_method_names = ["post"]
    issuer: IssuerSnapshot
    entry: Entry
    uses: tuple[OneUse, ...] = ()
    """What the request proved itself by and may not again."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with AT_ONCE.turn_if_any():
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """From here on the request has a row of the record, whatever its method."""
        self.issuer = issuing_issuer(kwargs.get("path", ""))
        self.entry = story.opened(
            request.META, issuer=self.issuer, request_id=self.request_id, now=timezone.now()
        )

    def post(self, request: Request, path: str = "") -> HttpResponse:
        """The road. Every step raises an OAuthError, or notes in the entry what it found out."""
        meta, issuer, entry = request.META, self.issuer, self.entry
        body = read_body(meta)
        # A body may trickle in until a JWT that was used is forgotten: the request is as old as its last byte.
        now = entry.at = timezone.now()

        asked = asked_in(meta, body=body)
        entry.passed("parse", **story.asked(asked))

        presented = present(asked)
        claimed = registered(presented, issuer=issuer)
        entry.passed("identify", **story.identified(presented, claimed))
        story.trace_if_wanted(entry, client=claimed, request=asked, meta=meta)

        proven = prove(presented, client=claimed, issuer=issuer, address=meta["REMOTE_ADDR"], now=now)
        client, self.uses = proven.client, proven.uses
        entry.passed("authenticate", credential=proven.credential)
        refuse_used(proven.uses)

        binding = bind(asked, client=client, issuer=issuer, path=meta["PATH_INFO"], now=now)
        self.uses += binding.uses
        entry.passed("bind", **story.bound(binding))
        refuse_used(binding.uses)

        granted = authorize(asked, client=client, issuer=issuer, address=meta["REMOTE_ADDR"], now=now)
        entry.passed("authorize", scope=granted.scope, audience=" ".join(granted.audience))

        key = ready_key(client=client, issuer=issuer, now=now)
        token = token_for(
            client=client,
            issuer=issuer,
            request=asked,
            granted=granted,
            key=key,
            jti=secrets.token_urlsafe(18),
            now=now,
        ).bound_to(binding.confirmation)
        spend_quota(client)
        entry.passed("claims", **story.said(token, client=client))

        record(story.issued(entry, token), beside=using(self.uses))
        access_token = signed(token, key=key)

        members = {
            "access_token": access_token,
            "token_type": binding.token_type,
            "expires_in": granted.access_token_ttl,
        }
        return json_answer(members | ({"scope": granted.scope} if granted.scopes else {}), headers=NO_STORE)

    def refused(self, error: OAuthError) -> OAuthError:
        """A refusal takes the same road: recorded, or counted in a flood, then answered."""
        if not hasattr(self, "entry"):
            if isinstance(error, TemporarilyUnavailable):
                RECORD_HEALTH.failed(error.detail)
            return error
        if isinstance(error, NotRecorded):
            return error
        if self.entry.is_issued:
            error = TemporarilyUnavailable(f"Signing failed: {error.detail}")
        if beyond := flood.exceeded(self.entry):
            flood.count(self.entry, error, beyond=beyond)
            return error
        try:
            record(story.refused(self.entry, error), beside=using_up(self.uses))
        except NotRecordedError:
            return NotRecorded("The refusal could not be committed.")
        return error


def asked_in(meta: dict[str, Any], *, body: bytes) -> TokenRequest:
    """Raises InvalidRequest or UnsupportedMediaType."""
    return parse(
        body=body,
        content_type=meta.get("CONTENT_TYPE", ""),
        query=meta.get("QUERY_STRING", ""),
        authorization=meta.get("HTTP_AUTHORIZATION", ""),
        dpop=meta.get("HTTP_DPOP"),
        peer_certificate=partial(peer_certificate, meta),
    )


class DiscoveryView(ProtocolView):
    """OpenID Connect Discovery 1.0 section 4, RFC 8414 section 3."""

    http_method_names = ["get", "head"]

    def get(self, request: Request, path: str = "") -> HttpResponse:
        issuer = active_issuer(path)
        max_age = issuer.metadata_max_age
        headers = {"Cache-Control": f"public, max-age={max_age}"} if max_age else NO_STORE
        return json_answer(discovery_of(issuer), headers=headers)


class JwksView(ProtocolView):
    """RFC 7517 section 5. An inactive issuer's keys are shown as well: its tokens may still be alive."""

    http_method_names = ["get", "head"]

    def get(self, request: Request, path: str = "") -> HttpResponse:
        issuer = issuer_of(path)
        return jwks_answer(request, issuer_id=issuer.id, max_age=issuer.jwks_max_age)


class RecordJwksView(ProtocolView):
    """The public keys that seal the record."""

    http_method_names = ["get", "head"]

    def get(self, request: Request) -> HttpResponse:
        return jwks_answer(request, issuer_id=RECORD, max_age=300)


def jwks_answer(request: Request, *, issuer_id: int, max_age: int) -> HttpResponse:
    """The JWK Set of this moment, or 304 to a caller that has it (RFC 9110 section 13.1.2)."""
    headers = {"Cache-Control": f"public, max-age={max_age}"}
    answer = json_answer(keyring_of(issuer_id).jwks(timezone.now()), headers=headers)
    answer["ETag"] = f'"{hashlib.sha256(answer.content).hexdigest()[:32]}"'
    held = parse_etags(request.META.get("HTTP_IF_NONE_MATCH", ""))
    if answer["ETag"] not in {etag.removeprefix("W/") for etag in held} and "*" not in held:
        return answer
    return HttpResponseNotModified(headers=headers | {"ETag": answer["ETag"]})
