"""Tokens of the platforms whose workloads need no secret, in the shapes that their documentation shows."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from issuers.thumbprints import base64url, thumbprint
from relying_parties.preset import Preset
from relying_parties.presets import (
    ENTRA,
    GITHUB_BRANCH,
    GITHUB_BRANCH_BY_NAME,
    GITHUB_ENVIRONMENT,
    GITHUB_ENVIRONMENT_BY_NAME,
    GITLAB,
    GOOGLE,
    KUBERNETES,
    SPIFFE,
)

AUDIENCE = "http://127.0.0.1:8000/oidc_m2m"
CLUSTER = "https://container.example/v1/projects/p/locations/l/clusters/c"
SERVICE_ACCOUNT_UID = "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798"
TENANT = "aaaabbbb-0000-4ccc-8111-dddd2222eeee"
IDENTITY = "11112222-bbbb-4333-8444-cccc5555dddd"
APPLICATION = "00001111-aaaa-4222-8bbb-3333cccc4444"

KEY = generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(frozen=True, slots=True)
class Platform:
    """What an operator answers, and the claims of the workload's token beside its instants.

    `pinned` are those, beside iss, sub and aud, without which a token must prove nobody, by their paths.
    """

    preset: Preset
    answers: Mapping[str, str]
    claims: Mapping[str, Any]
    pinned: tuple[str, ...]
    lifetime: int = 300

    def __str__(self) -> str:
        return self.preset.slug


def jwks() -> dict[str, Any]:
    numbers = KEY.public_key().public_numbers()
    jwk = {"kty": "RSA", "n": base64url(numbers.n.to_bytes(256)), "e": base64url(numbers.e.to_bytes(3))}
    return {"keys": [jwk | {"kid": thumbprint(jwk), "use": "sig", "alg": "RS256"}]}


def token_of(platform: Platform, claims: Mapping[str, Any] | None = None) -> str:
    """As the platform signs it; with other claims, where some are given."""
    now = int(time.time())
    instants = {"iat": now, "nbf": now - 5, "exp": now + platform.lifetime}
    chosen = platform.claims if claims is None else claims
    return jwt.encode(
        {**chosen, **instants}, KEY, algorithm="RS256", headers={"kid": jwks()["keys"][0]["kid"]}
    )


GITHUB_ANSWERS = {
    "owner": "octo-org", "owner_id": "65", "repository": "octo-repo", "repository_id": "74",
    "branch": "main", "environment": "prod",
}  # fmt: skip
# https://docs.github.com/en/actions/reference/security/oidc
GITHUB_CLAIMS = {
    "jti": "example-id", "aud": AUDIENCE, "iss": "https://token.actions.githubusercontent.com",
    "ref": "refs/heads/main", "sha": "example-sha", "repository": "octo-org/octo-repo", "repository_owner": "octo-org",
    "actor_id": "12", "repository_visibility": "private", "repository_id": "74", "repository_owner_id": "65",
    "run_id": "example-run-id", "run_number": "10", "run_attempt": "2", "runner_environment": "github-hosted",
    "actor": "octocat", "workflow": "example-workflow", "head_ref": "", "base_ref": "", "event_name": "push",
    "ref_type": "branch", "job_workflow_ref": "octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main",
}  # fmt: skip


def _github(preset: Preset, sub: str, **claims: str) -> Platform:
    return Platform(
        preset=preset,
        answers=GITHUB_ANSWERS,
        claims={**GITHUB_CLAIMS, "sub": sub, **claims},
        pinned=("repository_id", "repository_owner_id"),
    )


PLATFORMS = (
    # https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
    Platform(
        preset=KUBERNETES,
        answers={
            "cluster": CLUSTER, "namespace": "prod", "service_account": "billing",
            "service_account_uid": SERVICE_ACCOUNT_UID,
        },
        claims={
            "aud": [AUDIENCE], "iss": CLUSTER, "jti": "aed34954-b33a-4142-b1ec-389d6bbb4936",
            "kubernetes.io": {
                "namespace": "prod",
                "node": {"name": "node-1", "uid": "646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1"},
                "pod": {"name": "billing-5d4f", "uid": "5e0bd49b-f040-43b0-99b7-22765a53f7f3"},
                "serviceaccount": {"name": "billing", "uid": SERVICE_ACCOUNT_UID},
            },
            "sub": "system:serviceaccount:prod:billing",
        },
        pinned=("kubernetes.io/namespace", "kubernetes.io/serviceaccount/name", "kubernetes.io/serviceaccount/uid"),
        lifetime=3600,
    ),
    _github(GITHUB_BRANCH, "repo:octo-org@65/octo-repo@74:ref:refs/heads/main"),
    _github(GITHUB_ENVIRONMENT, "repo:octo-org@65/octo-repo@74:environment:prod", environment="prod"),
    _github(GITHUB_BRANCH_BY_NAME, "repo:octo-org/octo-repo:ref:refs/heads/main"),
    _github(GITHUB_ENVIRONMENT_BY_NAME, "repo:octo-org/octo-repo:environment:prod", environment="prod"),
    # https://docs.gitlab.com/ci/secrets/id_token_authentication/
    Platform(
        preset=GITLAB,
        answers={
            "instance": "https://gitlab.example", "group": "my-group/payments", "group_id": "72",
            "project": "my-project", "project_id": "20", "branch": "main",
        },
        claims={
            "namespace_id": "72", "namespace_path": "my-group/payments", "project_id": "20",
            "project_path": "my-group/payments/my-project", "user_id": "1", "user_login": "sample-user",
            "user_email": "sample-user@example.com", "pipeline_id": "574", "pipeline_source": "push", "job_id": "302",
            "ref": "main", "ref_type": "branch", "ref_path": "refs/heads/main", "ref_protected": "true", "runner_id": 1,
            "runner_environment": "self-hosted", "sha": "714a629c0b401fdce83e847fc9589983fc6f46bc",
            "project_visibility": "private", "jti": "235b3a54-b797-45c7-ae9a-f72d7bc6ef5b", "iss": "https://gitlab.example",
            "sub": "project_path:my-group/payments/my-project:ref_type:branch:ref:main", "aud": AUDIENCE,
        },
        pinned=("project_id", "namespace_id", "ref_protected"),
        lifetime=3600,
    ),
    # https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
    Platform(
        preset=ENTRA,
        answers={"tenant": TENANT, "object_id": IDENTITY, "audience": APPLICATION},
        claims={
            "aud": APPLICATION, "iss": f"https://login.microsoftonline.com/{TENANT}/v2.0", "aio": "k2RgYA==",
            "azp": "22223333-cccc-4444-8555-dddd6666eeee", "azpacr": "2", "idtyp": "app", "oid": IDENTITY,
            "rh": "0.AX8A", "sub": IDENTITY, "tid": TENANT, "uti": "oGJ7aV", "ver": "2.0", "xms_idrel": "7 16",
        },
        pinned=("tid", "oid"),
        lifetime=86_400,
    ),
    # https://docs.cloud.google.com/compute/docs/instances/verifying-instance-identity
    Platform(
        preset=GOOGLE,
        answers={"unique_id": "107517467455664443766", "email": "billing@project.iam.gserviceaccount.com"},
        claims={
            "aud": AUDIENCE, "azp": "107517467455664443766", "email": "billing@project.iam.gserviceaccount.com",
            "email_verified": True, "iss": "https://accounts.google.com", "sub": "107517467455664443766",
            "google": {"compute_engine": {"instance_id": "152986662232938449", "project_id": "project"}},
        },
        pinned=("email", "email_verified"),
        lifetime=3600,
    ),
    # https://github.com/spiffe/spiffe/blob/main/standards/JWT-SVID.md
    Platform(
        preset=SPIFFE,
        answers={"issuer": "https://spire.example.org", "trust_domain": "example.org", "path": "ns/prod/sa/billing"},
        claims={
            "aud": [AUDIENCE], "iss": "https://spire.example.org", "sub": "spiffe://example.org/ns/prod/sa/billing",
        },
        pinned=(),
    ),
)  # fmt: skip
