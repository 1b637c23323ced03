"""The rest of the cast: `robot`, which signs its own assertions, and `workload`, which brings a cluster's tokens."""

import time
import uuid
from functools import cache
from typing import Any

from audit.models import IssuanceEvent
from issuers.models import Issuer, TokenEndpointAuthMethod
from relying_parties.models import FederatedCredential, RelyingParty, TrustedIssuer
from relying_parties.models.federation import KeysFrom
from tests.support.cast import Cast, new_grant
from tests.support.forging import ALGS, Draft, Signer, signer
from tests.support.wire import Answer, ask, assert_refused

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
PRIVATE_KEY_JWT, FEDERATED_JWT = (
    TokenEndpointAuthMethod.PRIVATE_KEY_JWT,
    TokenEndpointAuthMethod.FEDERATED_JWT,
)
CLUSTER = "https://kubernetes.default.svc.cluster.local"
SUBJECT = "system:serviceaccount:prod:billing"
HOUR = 3600


def switch_on(issuer: Issuer, *methods: str) -> None:
    missing = [str(method) for method in methods if method not in issuer.token_endpoint_auth_methods]
    issuer.token_endpoint_auth_methods = [*issuer.token_endpoint_auth_methods, *missing]
    issuer.checked().save()


def jwks_of(*signers: Signer) -> dict[str, Any]:
    """A JWK Set of their public keys; those that share one stand in it once."""
    return {"keys": list({one.kid: one.jwk for one in signers}.values())}


def new_robot(
    cast: Cast, *signers: Signer, client_id: str = "robot", issuer: Issuer | None = None, **fields: Any
) -> RelyingParty:
    """A relying party of private_key_jwt with these keys, or with one for each algorithm."""
    issuer = issuer or cast.oidc_m2m
    switch_on(issuer, PRIVATE_KEY_JWT)
    registered = {"client_jwks": jwks_of(*(signers or map(signer, ALGS)))} | fields
    robot = RelyingParty(
        issuer=issuer,
        client_id=client_id,
        name=client_id.title(),
        token_endpoint_auth_method=PRIVATE_KEY_JWT,
        **registered,
    )
    robot.checked().save()
    server = cast.invoices if issuer == cast.oidc_m2m else issuer.resource_servers.get()
    new_grant(robot, server, ["invoices.read"], is_default=True)
    return robot


def new_cluster(cast: Cast, *signers: Signer, **fields: Any) -> TrustedIssuer:
    """A trusted issuer whose keys are pasted."""
    values = {
        "issuer": cast.oidc_m2m,
        "name": "cluster",
        "issuer_url": CLUSTER,
        "keys_from": KeysFrom.JWKS,
        "jwks": jwks_of(*(signers or map(signer, ALGS))),
    }
    cluster = TrustedIssuer(**(values | fields))
    cluster.checked().save()
    return cluster


def new_workload(cast: Cast, *, client_id: str = "workload") -> RelyingParty:
    """A relying party of federated_jwt, without a federated credential yet."""
    switch_on(cast.oidc_m2m, FEDERATED_JWT)
    workload = RelyingParty(
        issuer=cast.oidc_m2m,
        client_id=client_id,
        name=client_id.title(),
        token_endpoint_auth_method=FEDERATED_JWT,
    )
    workload.checked().save()
    new_grant(workload, cast.invoices, ["invoices.read"], is_default=True)
    return workload


def new_credential(
    workload: RelyingParty, cluster: TrustedIssuer, *, subject: str = SUBJECT, **fields: Any
) -> FederatedCredential:
    values = {"label": subject[:100]} | fields
    credential = FederatedCredential(
        relying_party=workload, trusted_issuer=cluster, subject=subject, **values
    )
    credential.checked().save()
    return credential


def own(cast: Cast, by: Signer, *, client_id: str = "robot", **claims: Any) -> Draft:
    """What a client of private_key_jwt signs (RFC 7523 section 3)."""
    now = int(time.time())
    return Draft(
        header={"alg": by.alg, "kid": by.kid, "typ": "JWT"},
        claims={
            "iss": client_id,
            "sub": client_id,
            "aud": cast.oidc_m2m.url,
            "jti": uuid.uuid4().hex,
            "iat": now,
            "exp": now + 300,
            **claims,
        },
        sign=by,
    )


def of_cluster(cast: Cast, by: Signer, **claims: Any) -> Draft:
    """A projected service account token, as Kubernetes documents its claims; it lives an hour."""
    now = int(time.time())
    return Draft(
        header={"alg": by.alg, "kid": by.kid},
        claims={
            "aud": [cast.oidc_m2m.url],
            "exp": now + HOUR,
            "iat": now,
            "iss": CLUSTER,
            "jti": str(uuid.uuid4()),
            "kubernetes.io": {
                "namespace": "prod",
                "node": {"name": "node-1", "uid": "646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1"},
                "pod": {"name": "billing-5d4f", "uid": "5e0bd49b-f040-43b0-99b7-22765a53f7f3"},
                "serviceaccount": {"name": "billing", "uid": "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798"},
            },
            "nbf": now,
            "sub": SUBJECT,
            **claims,
        },
        sign=by,
    )


def pair(assertion: str) -> dict[str, str]:
    return {"client_assertion_type": JWT_BEARER, "client_assertion": assertion}


def send(assertion: str, **parameters: str) -> Answer:
    return ask({**pair(assertion), **parameters})


@cache
def not_proven() -> tuple[int, dict[str, str], bytes]:
    """The refusal of a request without credentials, which every other must be byte for byte."""
    return ask().without_its_own


def why_refused(assertion: str, **parameters: str) -> str:
    """What the record tells of an assertion that proves nothing; the answer is that of any failure, the row is one."""
    expected, rows = not_proven(), IssuanceEvent.objects.count()
    answer = send(assertion, **parameters)
    detail = assert_refused(answer, 401, "invalid_client").detail
    assert IssuanceEvent.objects.count() == rows + 1
    assert answer.without_its_own == expected
    return detail.removeprefix("The client assertion is refused. ")
