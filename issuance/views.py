"""The token endpoint: each step of the request path on its line."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from audit.writing.entry import Entry
from audit.writing.record import NotRecordedError, record
from audit.writing.record_health import RECORD_HEALTH
from issuance.client_auth.authenticate import authenticate, present, registered
from issuance.client_auth.peer_certificate import peer_certificate
from issuance.discovery.documents import issuing_issuer
from issuance.recording import flood, narrative
from issuance.replay import SingleUse, consuming, consuming_unless_replayed, reject_replayed
from issuance.tokens.access_token import token_for
from issuance.tokens.binding import bind
from issuance.tokens.grants import authorize
from issuance.tokens.quota import spend_quota
from issuance.tokens.signing_key import ready_key, signed
from issuance.wire.answers import NO_STORE, json_answer
from issuance.wire.cors import allow_listed_origin, is_preflight, preflight_answer
from issuance.wire.errors import MethodNotAllowed, NotRecorded, OAuthError, TemporarilyUnavailable
from issuance.wire.protocol_view import ProtocolView
from issuance.wire.request_body import read_body
from issuance.wire.token_request import TokenRequest, parse
from issuers.directory import IssuerSnapshot
from runtime.identifiers import new_jti
from runtime.main_loop import is_in_main_loop
from runtime.slots import Slots

AT_ONCE = Slots(settings.DATABASE_SLOTS)
"""More tokens at once would only take the interpreter from each other. While none of these gets on, others may."""


class TokenView(ProtocolView):
    """The token endpoint (RFC 6749 section 3.2), for the client credentials grant (section 4.4)."""

    http_method_names = ["post"]
    runs_in_main_loop = True
    issuer: IssuerSnapshot
    entry: Entry
    uses: tuple[SingleUse, ...] = ()
    """What the request proved itself by and may not again."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if is_preflight(request.META):
            return TokenPreflight.as_view()(request, *args, **kwargs)
        if is_in_main_loop():
            # One thread takes the interpreter from nobody.
            return super().dispatch(request, *args, **kwargs)
        with AT_ONCE.slot_if_free():
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """From here on the request has a row of the record, whatever its method."""
        self.issuer = issuing_issuer(kwargs.get("path", ""))
        self.entry = narrative.opened(
            request.META, issuer=self.issuer, request_id=self.request_id, now=datetime.now(UTC)
        )

    def post(self, request: Request, path: str = "") -> HttpResponse:
        """The request path. Every step raises an OAuthError, or notes in the entry what it found out."""
        meta, issuer, entry = request.META, self.issuer, self.entry
        body = read_body(meta)
        # A body may trickle in until a JWT that was used is forgotten: the request is as old as its last byte.
        now = entry.at = datetime.now(UTC)

        asked = asked_in(meta, body=body)
        entry.passed("parse", **narrative.asked(asked))

        presented, claimed = registered(present(asked), issuer=issuer)
        entry.passed("identify", **narrative.identified(presented, claimed))
        narrative.trace_if_wanted(entry, client=claimed, request=asked, meta=meta)

        proven = authenticate(presented, client=claimed, issuer=issuer, address=meta["REMOTE_ADDR"], now=now)
        client, self.uses = proven.client, proven.uses
        entry.passed("authenticate", credential=proven.credential)
        reject_replayed(proven.uses)

        binding = bind(asked, client=client, issuer=issuer, path=meta["PATH_INFO"], now=now)
        self.uses += binding.uses
        entry.passed("bind", **narrative.bound(binding))
        reject_replayed(binding.uses)

        granted = authorize(
            asked,
            client=client,
            issuer=issuer,
            address=meta["REMOTE_ADDR"],
            now=now,
            ends_by=proven.token_ends_by,
        )
        entry.passed("authorize", scope=granted.scope, audience=" ".join(granted.audience))

        key = ready_key(client=client, issuer=issuer, now=now)
        token = token_for(
            client=client,
            issuer=issuer,
            request=asked,
            granted=granted,
            key=key,
            jti=new_jti(),
            now=now,
        ).bound_to(binding.confirmation)
        spend_quota(client)
        entry.passed("claims", **narrative.said(token, client=client))

        record(narrative.issued(entry, token), beside=consuming(self.uses))
        access_token = signed(token, key=key)

        members = {
            "access_token": access_token,
            "token_type": binding.token_type,
            "expires_in": granted.access_token_ttl,
        }
        return json_answer(members | ({"scope": granted.scope} if granted.scopes else {}), headers=NO_STORE)

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        if hasattr(self, "issuer") and self.issuer.cors_origins:
            allow_listed_origin(response, request.META, self.issuer.cors_origins)
        return super().finalize_response(request, response, *args, **kwargs)

    def refused(self, error: OAuthError) -> OAuthError:
        """A refusal takes the same path: recorded, or counted in a flood, then answered."""
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
            record(narrative.refused(self.entry, error), beside=consuming_unless_replayed(self.uses))
        except NotRecordedError:
            return NotRecorded("The refusal could not be committed.")
        return error


class TokenPreflight(ProtocolView):
    """A browser asks whether an application of another origin may ask for tokens. No token is asked for: no row."""

    http_method_names = ["options"]

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        issuer = issuing_issuer(kwargs.get("path", ""))
        if request.META["HTTP_ORIGIN"] not in issuer.cors_origins:
            raise MethodNotAllowed("The issuer does not list this origin in cors_origins.", allowed="POST")
        answer = preflight_answer(methods=["POST"])
        allow_listed_origin(answer, request.META, issuer.cors_origins)
        return answer


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
