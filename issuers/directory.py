"""The issuers as frozen snapshots, for the paths that are fast and that work while the database is away."""

from dataclasses import dataclass
from typing import Any

from issuers.assertion_algs import algs_problem
from issuers.auth_methods import methods_problem
from issuers.models import Issuer
from issuers.versioning.revision import topic
from issuers.versioning.snapshots import Snapshots


@dataclass(frozen=True, slots=True)
class IssuerSnapshot:
    """An issuer as the protocol sees it. Durations are in seconds."""

    id: int
    path: str
    name: str
    url: str
    is_active: bool
    signing_alg: str
    token_endpoint_auth_methods: tuple[str, ...]
    allow_missing_grant_type: bool
    client_ca_certificates: str
    accepts_dpop: bool
    assertion_algs: tuple[str, ...]
    dpop_algs: tuple[str, ...]
    advertises_authorization_endpoint: bool
    cors_origins: tuple[str, ...]
    allows_test_tokens: bool
    iat_backdating: int
    default_access_token_ttl: int
    max_access_token_ttl: int
    metadata_max_age: int
    jwks_max_age: int
    extra_metadata: dict[str, Any]

    @classmethod
    def of(cls, issuer: Issuer) -> "IssuerSnapshot":
        return cls(
            id=issuer.pk,
            path=issuer.path,
            name=issuer.name,
            url=issuer.url,
            is_active=issuer.is_active,
            signing_alg=issuer.signing_alg,
            token_endpoint_auth_methods=_methods(issuer),
            allow_missing_grant_type=issuer.allow_missing_grant_type,
            client_ca_certificates=issuer.client_ca_certificates,
            accepts_dpop=issuer.accepts_dpop,
            assertion_algs=_algs(issuer.token_endpoint_auth_signing_alg_values_supported),
            dpop_algs=_algs(issuer.dpop_signing_alg_values_supported),
            advertises_authorization_endpoint=issuer.advertises_authorization_endpoint,
            cors_origins=tuple(issuer.cors_origins),
            allows_test_tokens=issuer.allows_test_tokens,
            iat_backdating=issuer.iat_backdating,
            default_access_token_ttl=issuer.default_access_token_ttl,
            max_access_token_ttl=issuer.max_access_token_ttl,
            metadata_max_age=issuer.metadata_max_age,
            jwks_max_age=issuer.jwks_max_age,
            extra_metadata=issuer.extra_metadata if isinstance(issuer.extra_metadata, dict) else {},
        )


def _methods(issuer: Issuer) -> tuple[str, ...]:
    """Empty if the stored value, written past the checks, is not a list of methods: no client can prove itself."""
    methods = issuer.token_endpoint_auth_methods
    return () if methods_problem(methods) else tuple(methods)


def _algs(algs: Any) -> tuple[str, ...]:
    """Empty if the stored value, written past the checks, is not a list of algorithms."""
    return () if algs_problem(algs) else tuple(algs)


def _load(path: str) -> IssuerSnapshot | None:
    issuer = Issuer.objects.filter(path=path).first()
    return IssuerSnapshot.of(issuer) if issuer else None


def _topics(_path: str, issuer: IssuerSnapshot) -> tuple[str, ...]:
    return (topic("issuer", issuer.id),)


issuers_by_path: Snapshots[str, IssuerSnapshot] = Snapshots(_load, topics=_topics)
