"""Tokens of the platforms whose workloads need no secret, in the shapes that their documentation shows."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from formats.thumbprints import base64url, thumbprint
from relying_parties.federation.pipeline_presets import (
    BITBUCKET_BRANCH,
    BITBUCKET_ENVIRONMENT,
    BUILDKITE,
    CIRCLECI,
    TERRAFORM,
)
from relying_parties.federation.preset import Preset
from relying_parties.federation.presets import (
    AWS,
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

    `pinned` are those, beside iss, sub and aud, without which a token must prove nobody, by their paths: "a > b".
    """

    preset: Preset
    answers: Mapping[str, str]
    claims: Mapping[str, Any]
    pinned: tuple[str, ...]
    lifetime: int = 300
    strangers: tuple[str, ...] = ()
    """Subjects of other workloads, where the preset's is a pattern."""

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


AWS_ISSUER = "https://abc123-def456-ghi789-jkl012.tokens.sts.global.api.aws"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:process-data"
WORKSPACE_UUID, REPOSITORY_UUID, ENVIRONMENT_UUID, STEP_UUID = (
    f"{{{digit * 8}-e45e-4055-8855-95b45249e2fb}}" for digit in "1234"
)
BITBUCKET_ANSWERS = {
    "workspace": "my-team", "workspace_uuid": WORKSPACE_UUID, "repository_uuid": REPOSITORY_UUID,
    "environment_uuid": ENVIRONMENT_UUID, "branch": "main",
}  # fmt: skip
# https://support.atlassian.com/bitbucket-cloud/docs/integrate-pipelines-with-resource-servers-using-oidc/
BITBUCKET_CLAIMS = {
    "iss": "https://api.bitbucket.org/2.0/workspaces/my-team/pipelines-config/identity/oidc", "aud": [AUDIENCE],
    "accountUuid": "{55555555-e45e-4055-8855-95b45249e2fb}", "branchName": "main", "stepUuid": STEP_UUID,
    "pipelineUuid": "{66666666-e45e-4055-8855-95b45249e2fb}", "repositoryUuid": REPOSITORY_UUID,
    "workspaceUuid": WORKSPACE_UUID,
}  # fmt: skip
CIRCLECI_ORGANIZATION, CIRCLECI_PROJECT, CIRCLECI_USER = IDENTITY, TENANT, APPLICATION
CIRCLECI_SUBJECT = f"org/{CIRCLECI_ORGANIZATION}/project/{CIRCLECI_PROJECT}/user/{CIRCLECI_USER}"
COMMIT = "9f3182061f1e2cca4702c368cbc039b7dc9d4485"


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
        pinned=(
            "kubernetes.io > namespace", "kubernetes.io > serviceaccount > name",
            "kubernetes.io > serviceaccount > uid",
        ),
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
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_token_claims.html
    Platform(
        preset=AWS,
        answers={
            "issuer": AWS_ISSUER, "account": "123456789012", "role": "services/DataProcessingRole",
            "organization": "o-abc1234567", "function": FUNCTION,
        },
        claims={
            "iss": AWS_ISSUER, "aud": AUDIENCE, "sub": "arn:aws:iam::123456789012:role/services/DataProcessingRole",
            "jti": "xyz123-def456-ghi789-jkl012",
            "https://sts.amazonaws.com/": {
                "aws_account": "123456789012", "source_region": "us-east-1", "org_id": "o-abc1234567",
                "ou_path": "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/", "principal_tags": {"environment": "production"},
                "lambda_source_function_arn": FUNCTION, "request_tags": {"job-id": "job-2024-001"},
            },
        },
        pinned=tuple(
            f"https://sts.amazonaws.com/ > {claim}"
            for claim in ("aws_account", "org_id", "lambda_source_function_arn")
        ),
    ),
    Platform(
        preset=BITBUCKET_BRANCH,
        answers=BITBUCKET_ANSWERS,
        claims={**BITBUCKET_CLAIMS, "sub": f"{REPOSITORY_UUID}:{STEP_UUID}"},
        pinned=("workspaceUuid", "repositoryUuid", "branchName"),
        lifetime=3600,
        strangers=(
            REPOSITORY_UUID, f"{WORKSPACE_UUID}:{STEP_UUID}", f"{WORKSPACE_UUID}:{REPOSITORY_UUID}:{STEP_UUID}",
        ),
    ),
    Platform(
        preset=BITBUCKET_ENVIRONMENT,
        answers=BITBUCKET_ANSWERS,
        claims={
            **BITBUCKET_CLAIMS, "sub": f"{REPOSITORY_UUID}:{ENVIRONMENT_UUID}:{STEP_UUID}",
            "deploymentEnvironmentUuid": ENVIRONMENT_UUID,
        },
        pinned=("workspaceUuid", "repositoryUuid", "deploymentEnvironmentUuid"),
        lifetime=3600,
        strangers=(f"{REPOSITORY_UUID}:{STEP_UUID}", f"{REPOSITORY_UUID}:{WORKSPACE_UUID}:{STEP_UUID}"),
    ),
    # https://circleci.com/docs/openid-connect-tokens/
    Platform(
        preset=CIRCLECI,
        answers={
            "organization": CIRCLECI_ORGANIZATION, "project": CIRCLECI_PROJECT, "branch": "main",
            "origin": "github.com/octo-org/octo-repo",
        },
        claims={
            "iss": f"https://oidc.circleci.com/org/{CIRCLECI_ORGANIZATION}", "aud": AUDIENCE, "sub": CIRCLECI_SUBJECT,
            "oidc.circleci.com/project-id": CIRCLECI_PROJECT, "oidc.circleci.com/vcs-ref": "refs/heads/main",
            "oidc.circleci.com/vcs-origin": "github.com/octo-org/octo-repo", "oidc.circleci.com/ssh-rerun": False,
            "oidc.circleci.com/context-ids": ["a74579f1-2e7d-451e-b009-5c082ad2729e"],
        },
        pinned=tuple(
            f"oidc.circleci.com/{claim}" for claim in ("project-id", "vcs-ref", "vcs-origin", "ssh-rerun")
        ),
        lifetime=3600,
        strangers=(
            f"org/{CIRCLECI_ORGANIZATION}/project/{CIRCLECI_ORGANIZATION}/user/{CIRCLECI_USER}",
            f"org/{CIRCLECI_PROJECT}/project/{CIRCLECI_PROJECT}/user/{CIRCLECI_USER}", f"{CIRCLECI_SUBJECT}/more",
        ),
    ),
    # https://buildkite.com/docs/agent/v3/cli-oidc
    Platform(
        preset=BUILDKITE,
        answers={
            "organization": "acme-inc", "organization_id": TENANT, "pipeline": "super-duper-app",
            "pipeline_id": IDENTITY, "branch": "release/1.0",
        },
        claims={
            "iss": "https://agent.buildkite.com", "aud": AUDIENCE, "jti": "0194b014-8517-7cef-b232-76a827315f08",
            "sub": f"organization:acme-inc:pipeline:super-duper-app:ref:refs/heads/release/1.0:commit:{COMMIT}:step:",
            "organization_slug": "acme-inc", "organization_id": TENANT, "pipeline_slug": "super-duper-app",
            "pipeline_id": IDENTITY, "build_number": 5, "build_branch": "release/1.0", "build_tag": None,
            "build_commit": COMMIT, "step_key": None, "job_id": APPLICATION, "runner_environment": "buildkite-hosted",
        },
        pinned=("organization_id", "pipeline_id"),
        strangers=(
            f"organization:acme-inc:pipeline:super-duper-app:ref:refs/heads/release/1x0:commit:{COMMIT}:step:",
            f"organization:acme-inc:pipeline:super-duper-app:ref:refs/heads/release/1.0:commit:x:step::commit:{COMMIT}:step:",
            f"organization:acme-inc:pipeline:other:ref:refs/heads/release/1.0:commit:{COMMIT}:step:",
            f"organization:acme-inc:pipeline:super-duper-app:ref:refs/tags/release/1.0:commit:{COMMIT}:step:",
        ),
    ),
    # https://developer.hashicorp.com/terraform/cloud-docs/workspaces/dynamic-provider-credentials/workload-identity-tokens
    Platform(
        preset=TERRAFORM,
        answers={
            "instance": "https://app.terraform.io", "organization": "my-org", "organization_id": "org-GRNbCjYNpBB6NEH9",
            "project": "Default Project", "workspace": "my-workspace", "workspace_id": "ws-mbsd5E3Ktt5Rg2Xm",
            "phase": "apply",
        },
        claims={
            "jti": "1192426d-b525-4fde-9d42-f238be437bbd", "iss": "https://app.terraform.io", "aud": AUDIENCE,
            "sub": "organization:my-org:project:Default Project:workspace:my-workspace:run_phase:apply",
            "terraform_organization_id": "org-GRNbCjYNpBB6NEH9", "terraform_organization_name": "my-org",
            "terraform_project_id": "prj-vegSA59s1XPwMr2t", "terraform_project_name": "Default Project",
            "terraform_workspace_id": "ws-mbsd5E3Ktt5Rg2Xm", "terraform_workspace_name": "my-workspace",
            "terraform_run_id": "run-X3n1AUXNGWbfECsJ", "terraform_run_phase": "apply",
        },
        pinned=("terraform_organization_id", "terraform_workspace_id"),
        lifetime=7200,
    ),
)  # fmt: skip
