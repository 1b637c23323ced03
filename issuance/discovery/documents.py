"""Discovery and JWKS, computed from the models (OpenID Connect Discovery 1.0, RFC 8414, RFC 7517).

They are served from what this process last read, also while the database is away or hangs.
"""

import threading
import time
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from django.db import Error as DatabaseFailure
from django.db import connections

from issuance.tokens.access_token import FIXED_CLAIMS
from issuance.tokens.grants import GRANT_TYPES
from issuance.wire.errors import NotFound, TemporarilyUnavailable
from issuers.directory import IssuerSnapshot, issuers_by_path
from issuers.models import ASSERTION_METHODS, CERTIFICATE_METHODS, Issuer
from issuers.versioning.revision import current, topic
from issuers.versioning.snapshots import Snapshots
from keys.keyring import Keyring, keyrings
from keys.models import RECORD
from relying_parties.models import ClaimTemplate, RelyingParty, ResourceServer, scopes_problem
from runtime.slots import DATABASE

K = TypeVar("K")
V = TypeVar("V")

WARMED_AGAIN_AFTER = 1.0
"""Seconds between attempts to read the documents for the first time."""

log = structlog.get_logger("issuance")


@dataclass(frozen=True, slots=True)
class Advertised:
    """What an issuer's resource servers and templates make it tell."""

    scopes: tuple[str, ...]
    claims: tuple[str, ...]
    signing_algs: tuple[str, ...]
    has_certificate_bound: bool
    """Whether tokens of one of its relying parties are always bound to a TLS client certificate."""
    topics: tuple[str, ...]
    """All of the configuration that this was read from."""


def _load(issuer_id: int) -> Advertised:
    servers = ResourceServer.objects.filter(issuer_id=issuer_id)
    # What was stored past the checks is advertised no more than it is granted.
    scopes = {scope for server in servers if not scopes_problem(server.scopes) for scope in server.scopes}
    relying_parties = RelyingParty.objects.filter(issuer_id=issuer_id)
    templates = dict(
        ClaimTemplate.objects.filter(pk__in=relying_parties.values("claim_template")).values_list(
            "pk", "claims"
        )
    )
    templated = {name for claims in templates.values() if isinstance(claims, dict) for name in claims}
    algs = relying_parties.exclude(signing_alg="").values_list("signing_alg", flat=True).distinct()
    return Advertised(
        scopes=tuple(sorted(scopes)),
        claims=(*FIXED_CLAIMS, *sorted(templated - set(FIXED_CLAIMS))),
        signing_algs=tuple(sorted(algs)),
        has_certificate_bound=relying_parties.filter(
            tls_client_certificate_bound_access_tokens=True
        ).exists(),
        topics=(
            topic("resource_servers", issuer_id),
            topic("relying_parties", issuer_id),
            *(topic("claim_template", pk) for pk in templates),
        ),
    )


advertised: Snapshots[int, Advertised] = Snapshots(_load, topics=lambda _issuer_id, found: found.topics)


class _Warmth:
    """Up to which revision this process has read what the documents are made of."""

    revision = -1


def is_warm() -> bool:
    """Whether this process can serve the documents without the database."""
    return _Warmth.revision >= 0


def warm() -> None:
    """Read what the documents of every issuer are made of, unless this process has since the last change."""
    try:
        if (revision := current()) != _Warmth.revision:
            with DATABASE.slot():
                _read_all()
            _Warmth.revision = revision
    except DatabaseFailure as failure:
        log.error("not_warmed", reason=str(failure))  # noqa: TRY400 - one line


def warm_until_done() -> None:
    """A thread of a process that started without its database tries on, whether or not somebody asks for a token.

    Only after the fork: it would not survive it.
    """
    if not is_warm():
        threading.Thread(target=_until_warm, name="documents", daemon=True).start()


def _until_warm() -> None:
    while not is_warm():
        time.sleep(WARMED_AGAIN_AFTER)
        warm()
        connections.close_all()


def _read_all() -> None:
    keyrings.get(RECORD)
    for issuer in Issuer.objects.all():
        issuers_by_path.get(issuer.path)
        keyrings.get(issuer.pk)
        advertised.get(issuer.pk)


def issuing_issuer(path: str) -> IssuerSnapshot:
    """The active issuer as the configuration stands: to issue by, what was last known is not good enough.

    Raises NotFound, or what the database raises. Whoever meets a changed configuration here reads all of it ahead.
    """
    issuer = issuers_by_path.get(path)
    warm()
    return _active(issuer)


def issuer_of(path: str) -> IssuerSnapshot:
    """Raises NotFound, or TemporarilyUnavailable when the database is away and this process never read the issuer."""
    issuer = _current_or_last(issuers_by_path, path)
    if issuer is None:
        raise NotFound("No issuer has this path.")
    return issuer


def active_issuer(path: str) -> IssuerSnapshot:
    """As `issuer_of`; raises NotFound also when the issuer is not active."""
    return _active(issuer_of(path))


def _active(issuer: IssuerSnapshot | None) -> IssuerSnapshot:
    if issuer is None or not issuer.is_active:
        raise NotFound("No active issuer has this path.")
    return issuer


def keyring_of(issuer_id: int) -> Keyring:
    keyring = _current_or_last(keyrings, issuer_id)
    return keyring or Keyring(keys=())


def discovery_of(issuer: IssuerSnapshot) -> dict[str, Any]:
    """The provider's metadata; extra members never override a computed one."""
    found = _current_or_last(advertised, issuer.id) or Advertised(
        scopes=(), claims=FIXED_CLAIMS, signing_algs=(), has_certificate_bound=False, topics=()
    )
    computed = {
        "issuer": issuer.url,
        "token_endpoint": f"{issuer.url}/token",
        "jwks_uri": f"{issuer.url}/jwks",
        "scopes_supported": list(found.scopes),
        "grant_types_supported": list(GRANT_TYPES),
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(
            dict.fromkeys((issuer.signing_alg, *found.signing_algs))
        ),
        "token_endpoint_auth_methods_supported": list(issuer.token_endpoint_auth_methods),
        "claims_supported": list(found.claims),
        **_optional_members(issuer, found),
    }
    return _authorization_endpoint(issuer) | issuer.extra_metadata | computed


def _authorization_endpoint(issuer: IssuerSnapshot) -> dict[str, Any]:
    """OpenID Connect Discovery and client libraries require it. One in the extra metadata replaces it."""
    if not issuer.advertises_authorization_endpoint:
        return {}
    return {"authorization_endpoint": f"{issuer.url}/authorize"}


def _optional_members(issuer: IssuerSnapshot, found: Advertised) -> dict[str, Any]:
    """What is shown where it is on: RFC 8414 section 2, RFC 8705 section 3.3, RFC 9449 section 5.1."""
    members: dict[str, Any] = {}
    methods = set(issuer.token_endpoint_auth_methods)
    binds_to_certificates = found.has_certificate_bound or bool(methods & set(CERTIFICATE_METHODS))
    if methods & set(ASSERTION_METHODS):
        members["token_endpoint_auth_signing_alg_values_supported"] = list(issuer.assertion_algs)
    if binds_to_certificates:
        members["tls_client_certificate_bound_access_tokens"] = True
    if binds_to_certificates or issuer.accepts_dpop:
        members["claims_supported"] = [*found.claims, "cnf"]
    if issuer.accepts_dpop:
        members["dpop_signing_alg_values_supported"] = list(issuer.dpop_algs)
    return members


def _current_or_last(snapshots: Snapshots[K, V], key: K) -> V | None:
    try:
        return snapshots.get(key)
    except DatabaseFailure as error:
        known = snapshots.last_known(key)
        if known is None:
            raise TemporarilyUnavailable(
                "The database is away, and this process never read what it was asked for."
            ) from error
        return known
