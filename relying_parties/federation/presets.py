"""The platforms whose workloads need no stored secret: what their documentation says of their tokens.

A name can be given up and taken by somebody else; an id cannot. So each preset pins the ids beside the subject.
"""

from relying_parties.federation.pipeline_presets import (
    BITBUCKET_BRANCH,
    BITBUCKET_ENVIRONMENT,
    BUILDKITE,
    CIRCLECI,
    TERRAFORM,
)
from relying_parties.federation.preset import (
    DAY,
    HTTPS,
    HTTPS_WITHOUT_LAST_SLASH,
    NAME_WITHOUT_COLON,
    NUMBER,
    UUID,
    WITHOUT_COLON,
    Part,
    Pin,
    Preset,
)

KUBERNETES = Preset(
    slug="kubernetes",
    name="Kubernetes: a service account",
    about="A pod proves its client by a service account token that the kubelet renews.",
    how="Mount a projected volume with a serviceAccountToken of audience {audience} and at most "
    "expirationSeconds: 3600, and read the file again for each request.",
    issuer_name="Kubernetes",
    issuer_url="{cluster}",
    parts=(
        Part("cluster", "Cluster's issuer URL",
             "The value of issuer that kubectl get --raw /.well-known/openid-configuration prints.", HTTPS),
        Part("namespace", "Namespace", "In small letters, such as prod.", r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"),
        Part("service_account", "Service account", "In small letters, such as billing.",
             r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?"),
        Part("service_account_uid", "UID of the service account",
             "The metadata.uid that kubectl get serviceaccount prints. Empty: one made again under the same name "
             "proves the client too.", UUID, is_optional=True),
    ),
    subject="system:serviceaccount:{namespace}:{service_account}",
    pins=(
        Pin("kubernetes.io",
            {
                "namespace": "{namespace}",
                "serviceaccount": {"name": "{service_account}", "uid": "{service_account_uid}"},
            },
            "Namespace, name and UID of the service account: it changes when the account is made again."),
    ),
)  # fmt: skip


def _github(*, slug: str, name: str, about: str, repository: str, context: str, part: Part) -> Preset:
    """`repository` is the subject up to the name of the repository, `context` is what follows it."""
    return Preset(
        slug=slug,
        name=name,
        about=about,
        how="Give the job permissions: id-token: write, and ask for the token with the audience {audience}: "
        '"$ACTIONS_ID_TOKEN_REQUEST_URL&audience={audience}".',
        issuer_name="GitHub Actions",
        issuer_url="https://token.actions.githubusercontent.com",
        parts=(
            Part("owner", "Owner", "The user or organization, such as octo-org, in its own spelling.", r"[\w-]+"),
            Part("owner_id", "ID of the owner", "The number that gh api users/OWNER --jq .id prints.", NUMBER),
            Part("repository", "Repository", "Its name without the owner, in its own spelling.", r"[\w.-]+"),
            Part("repository_id", "ID of the repository",
                 "The number that gh api repos/OWNER/REPOSITORY --jq .id prints.", NUMBER),
            part,
        ),
        subject=f"repo:{repository}:{context}",
        pins=(
            Pin("repository_id", "{repository_id}", "The repository, whatever it is called, and no other of its name."),
            Pin("repository_owner_id", "{owner_id}", "Its owner: a repository that is transferred proves nothing."),
        ),
    )  # fmt: skip


_IMMUTABLE = (
    "A workflow proves its client by the token of its run. For a repository with immutable subjects: one that "
    "was made or renamed since 15 July 2026, or that was switched to them."
)
_BY_NAMES_ALONE = "The same for an older repository, whose sub holds no IDs; they are pinned beside it."
_WITH_IDS, _BY_NAMES = "{owner}@{owner_id}/{repository}@{repository_id}", "{owner}/{repository}"
_BRANCH = Part(
    "branch", "Branch", "Such as main, without refs/heads/. Protect it.", WITHOUT_COLON, default="main"
)
_ENVIRONMENT = Part(
    "environment",
    "Environment",
    "The job's environment, such as production; write %3A for a colon.",
    NAME_WITHOUT_COLON,
)

GITHUB_BRANCH = _github(
    slug="github-branch", name="GitHub Actions: a branch", about=_IMMUTABLE,
    repository=_WITH_IDS, context="ref:refs/heads/{branch}", part=_BRANCH,
)  # fmt: skip
GITHUB_ENVIRONMENT = _github(
    slug="github-environment", name="GitHub Actions: an environment", about=_IMMUTABLE,
    repository=_WITH_IDS, context="environment:{environment}", part=_ENVIRONMENT,
)  # fmt: skip
GITHUB_BRANCH_BY_NAME = _github(
    slug="github-branch-by-name", name="GitHub Actions: a branch, subject by names alone", about=_BY_NAMES_ALONE,
    repository=_BY_NAMES, context="ref:refs/heads/{branch}", part=_BRANCH,
)  # fmt: skip
GITHUB_ENVIRONMENT_BY_NAME = _github(
    slug="github-environment-by-name", name="GitHub Actions: an environment, subject by names alone",
    about=_BY_NAMES_ALONE,
    repository=_BY_NAMES, context="environment:{environment}", part=_ENVIRONMENT,
)  # fmt: skip

GITLAB = Preset(
    slug="gitlab",
    name="GitLab CI/CD: a protected branch",
    about="A job of GitLab CI/CD proves its client by an ID token.",
    how="Give the job id_tokens: with aud: {audience}. The token lives as long as the job may run: where that is more "
    "than an hour, raise the trusted issuer's greatest lifetime of tokens.",
    issuer_name="GitLab",
    issuer_url="{instance}",
    parts=(
        Part("instance", "GitLab's URL", "Such as https://gitlab.com, without a slash at the end.",
             HTTPS_WITHOUT_LAST_SLASH, default="https://gitlab.com"),
        Part("group", "Group", "With its parents, such as example/payments, or a user's name.", WITHOUT_COLON),
        Part("group_id", "ID of the group",
             "The number on the group's page; for a user's project, that of the namespace.", NUMBER),
        Part("project", "Project", "The last part of its path, such as billing.", r"[^\s:/]+"),
        Part("project_id", "ID of the project", "The number on the project's page.", NUMBER),
        Part("branch", "Branch", "Such as main. It must be protected.", WITHOUT_COLON, default="main"),
    ),
    subject="project_path:{group}/{project}:ref_type:branch:ref:{branch}",
    pins=(
        Pin("project_id", "{project_id}", "The project, whatever it is called, and no other of its name."),
        Pin("namespace_id", "{group_id}", "Its group: a project that is transferred proves nothing."),
        Pin("ref_protected", "true", "The branch is protected: a job of another branch proves nothing."),
    ),
)  # fmt: skip

ENTRA = Preset(
    slug="entra",
    name="Microsoft Entra: a managed identity",
    about="A workload in Azure proves its client by an access token of its managed identity.",
    how="Ask the instance metadata service for a token of the resource {audience}, an app registration whose "
    "manifest has requestedAccessTokenVersion 2. Such a token lives for a day.",
    issuer_name="Microsoft Entra",
    issuer_url="https://login.microsoftonline.com/{tenant}/v2.0",
    parts=(
        Part("tenant", "Tenant ID", "A UUID in small letters, not a name such as common.", UUID),
        Part("object_id", "Object ID of the identity",
             "Its principal ID, a UUID in small letters: not its client ID.", UUID),
        Part("audience", "Application ID of the audience",
             "A UUID in small letters: the app registration for which the workload asks its token.", UUID),
    ),
    subject="{object_id}",
    pins=(
        Pin("tid", "{tenant}", "The tenant."),
        Pin("oid", "{object_id}", "The identity itself: in a token of a user, sub is another value than oid."),
    ),
    audience="{audience}",
    max_assertion_lifetime=DAY,
)  # fmt: skip

GOOGLE = Preset(
    slug="google",
    name="Google Cloud: a service account",
    about="A workload in Google Cloud proves its client by an identity token of its service account.",
    how="Ask the metadata server for service-accounts/default/identity?audience={audience}&format=full, which puts "
    "the email address into the token.",
    issuer_name="Google",
    issuer_url="https://accounts.google.com",
    parts=(
        Part("unique_id", "Unique ID of the service account",
             "The uniqueId that gcloud iam service-accounts describe prints.", NUMBER),
        Part("email", "Email address of the service account", "Such as billing@project.iam.gserviceaccount.com.",
             r"[^@\s]+@[^@\s]+"),
    ),
    subject="{unique_id}",
    pins=(
        Pin("email", "{email}", "The service account by name, for readers of the record."),
        Pin("email_verified", value=True, why="Google vouches for the address."),
    ),
)  # fmt: skip

SPIFFE = Preset(
    slug="spiffe",
    name="SPIFFE: a JWT-SVID",
    about="A workload with a SPIFFE ID proves its client by a JWT-SVID.",
    how="Fetch a JWT-SVID for the audience {audience} alone from the Workload API. It must carry iss: SPIRE's server "
    "puts it there when jwt_issuer is set.",
    issuer_name="SPIFFE",
    issuer_url="{issuer}",
    parts=(
        Part("issuer", "URL of the JWT issuer",
             "SPIRE's jwt_issuer, under which its OIDC discovery provider publishes the keys.", HTTPS),
        Part("trust_domain", "Trust domain", "Such as example.org.", r"[a-z0-9._-]{1,255}"),
        Part("path", "Path of the SPIFFE ID", "Such as ns/prod/sa/billing, without a slash in front.",
             r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*"),
    ),
    subject="spiffe://{trust_domain}/{path}",
)  # fmt: skip

AWS = Preset(
    slug="aws",
    name="AWS: an IAM role",
    about="A workload in AWS proves its client by a token that sts:GetWebIdentityToken makes for its role.",
    how="Enable outbound identity federation once for the account, and allow the role sts:GetWebIdentityToken. The "
    "workload asks a regional endpoint of STS: aws sts get-web-identity-token --audience {audience} "
    "--signing-algorithm ES384 --duration-seconds 300.",
    issuer_name="AWS",
    issuer_url="{issuer}",
    parts=(
        Part("issuer", "Account's issuer URL",
             "The value that aws iam get-outbound-web-identity-federation-info prints, such as "
             "https://abc123.tokens.sts.global.api.aws.", HTTPS),
        Part("account", "Account ID", "12 digits.", r"[0-9]{12}"),
        Part("role", "Role",
             "Its name, with its path in front if it has one, such as billing or services/billing. A role that is "
             "deleted and made again under this name proves the client too.", r"[\w+=,.@-]+(/[\w+=,.@-]+)*"),
        Part("organization", "ID of the organization", "Such as o-abc1234567. Empty: any organization.",
             r"o-[a-z0-9]{10,32}", is_optional=True),
        Part("function", "ARN of the Lambda function",
             "Empty: whatever runs with the role. Else this function alone.", r"arn:aws:lambda:[!-9;-~]+(:[!-9;-~]+)*",
             is_optional=True),
    ),
    subject="arn:aws:iam::{account}:role/{role}",
    pins=(
        Pin("https://sts.amazonaws.com/",
            {
                "aws_account": "{account}",
                "org_id": "{organization}",
                "lambda_source_function_arn": "{function}",
            },
            "The account; organization and Lambda function if you name them."),
    ),
)  # fmt: skip

PRESETS = (
    KUBERNETES, GITHUB_BRANCH, GITHUB_ENVIRONMENT, GITHUB_BRANCH_BY_NAME, GITHUB_ENVIRONMENT_BY_NAME,
    GITLAB, ENTRA, GOOGLE, SPIFFE, AWS, BITBUCKET_BRANCH, BITBUCKET_ENVIRONMENT, CIRCLECI, BUILDKITE, TERRAFORM,
)  # fmt: skip


def preset_named(slug: str) -> Preset | None:
    return next((preset for preset in PRESETS if preset.slug == slug), None)
