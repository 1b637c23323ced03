"""Presets of platforms that run pipelines and whose subjects name each run: the fixed part becomes a pattern.

An answer is literal text in it. What names the run, such as a commit, is left open.
"""

from relying_parties.federation.preset import (
    DAY,
    HTTPS_WITHOUT_LAST_SLASH,
    NAME_WITHOUT_COLON,
    UUID,
    WITHOUT_COLON,
    Part,
    Pin,
    Preset,
)

_BRACED = rf"\{{{UUID}\}}"


def _bitbucket(*, slug: str, name: str, subject: str, part: Part, pin: Pin) -> Preset:
    return Preset(
        slug=slug,
        name=name,
        about="A step of Bitbucket Pipelines proves its client by the token of its run.",
        how="Give the step oidc: audiences: with {audience} alone. It finds its token in BITBUCKET_STEP_OIDC_TOKEN.",
        issuer_name="Bitbucket Pipelines",
        issuer_url="https://api.bitbucket.org/2.0/workspaces/{workspace}/pipelines-config/identity/oidc",
        parts=(
            Part("workspace", "Workspace", "Its name in URLs, as in the identity provider URL on the repository's page "
                 "OpenID Connect.", r"[\w-]+"),
            Part("workspace_uuid", "UUID of the workspace", "With its braces, as on that page.", _BRACED),
            Part("repository_uuid", "UUID of the repository", "With its braces, as on that page.", _BRACED),
            part,
        ),
        subject=subject,
        subject_is_pattern=True,
        pins=(
            Pin("workspaceUuid", "{workspace_uuid}", "The workspace, whatever it is called."),
            Pin("repositoryUuid", "{repository_uuid}", "The repository, whatever it is called."),
            pin,
        ),
    )  # fmt: skip


BITBUCKET_BRANCH = _bitbucket(
    slug="bitbucket-branch",
    name="Bitbucket Pipelines: a branch",
    subject="{repository_uuid}(:[^:]+)+",
    part=Part(
        "branch", "Branch", "Such as main. Restrict who may write to it.", WITHOUT_COLON, default="main"
    ),
    pin=Pin("branchName", "{branch}", "The branch that the pipeline runs for."),
)
BITBUCKET_ENVIRONMENT = _bitbucket(
    slug="bitbucket-environment",
    name="Bitbucket Pipelines: a deployment environment",
    subject="{repository_uuid}:{environment_uuid}:[^:]+",
    part=Part("environment_uuid", "UUID of the deployment environment",
              "With its braces, as on that page. Restrict which branches deploy to it.", _BRACED),
    pin=Pin("deploymentEnvironmentUuid", "{environment_uuid}", "The environment that the step deploys to."),
)  # fmt: skip

CIRCLECI = Preset(
    slug="circleci",
    name="CircleCI: a branch",
    about="A job of CircleCI proves its client by an OpenID Connect token.",
    how="""The job asks for a token of this audience: circleci run oidc get --claims '{"aud": "{audience}"}'.""",
    issuer_name="CircleCI",
    issuer_url="https://oidc.circleci.com/org/{organization}",
    parts=(
        Part("organization", "ID of the organization", "A UUID, under Organization Settings, Overview.", UUID),
        Part("project", "ID of the project", "A UUID, under Project Settings, Overview.", UUID),
        Part("branch", "Branch", "Such as main, without refs/heads/. Protect it.", WITHOUT_COLON, default="main"),
        Part("origin", "Origin of the source",
             "As it is in the token, such as github.com/octo-org/octo-repo. Empty: any, so keep secrets from builds of "
             "forked pull requests.", r"[^\s:]+", is_optional=True),
    ),
    subject="org/{organization}/project/{project}/user/[0-9a-f-]+(/vcs-origin/.+)?",
    subject_is_pattern=True,
    pins=(
        Pin("oidc.circleci.com/project-id", "{project}", "The project, whatever it is called."),
        Pin("oidc.circleci.com/vcs-ref", "refs/heads/{branch}", "The branch that the pipeline runs for."),
        Pin("oidc.circleci.com/vcs-origin", "{origin}", "The repository that the source is from, if you name it."),
        Pin("oidc.circleci.com/ssh-rerun", value=False, why="A job that somebody reruns by SSH proves nothing."),
    ),
)  # fmt: skip

BUILDKITE = Preset(
    slug="buildkite",
    name="Buildkite: a branch of a pipeline",
    about="A job of a Buildkite agent proves its client by the token of its run.",
    how="The job asks for a token of this audience, and for the IDs in it: buildkite-agent oidc request-token "
    "--audience {audience} --claim organization_id --claim pipeline_id.",
    issuer_name="Buildkite",
    issuer_url="https://agent.buildkite.com",
    parts=(
        Part("organization", "Organization", "Its name in URLs, such as acme-inc.", r"[\w-]+"),
        Part("organization_id", "ID of the organization", "A UUID, under the organization's settings.", UUID),
        Part("pipeline", "Pipeline", "Its name in URLs, such as billing.", r"[\w-]+"),
        Part("pipeline_id", "ID of the pipeline", "A UUID, under the pipeline's settings.", UUID),
        Part("branch", "Branch",
             "Such as main. Do not let the pipeline build pull requests of forks, whose branch may be called the same.",
             WITHOUT_COLON, default="main"),
    ),
    subject="organization:{organization}:pipeline:{pipeline}:ref:refs/heads/{branch}:commit:[^:]+:step:[^:]*",
    subject_is_pattern=True,
    pins=(
        Pin("organization_id", "{organization_id}", "The organization: all share one issuer."),
        Pin("pipeline_id", "{pipeline_id}", "The pipeline, whatever it is called."),
    ),
)  # fmt: skip

TERRAFORM = Preset(
    slug="terraform",
    name="HCP Terraform (Terraform Cloud): a workspace",
    about="A plan or an apply of a workspace proves its client by its workload identity token.",
    how="Give the workspace the environment variable TFC_WORKLOAD_IDENTITY_AUDIENCE with the value {audience}. A run "
    "finds its token in TFC_WORKLOAD_IDENTITY_TOKEN; it lives until the plan or apply would time out.",
    issuer_name="HCP Terraform",
    issuer_url="{instance}",
    parts=(
        Part("instance", "URL", "That of HCP Terraform, or of your Terraform Enterprise, without a slash at the end.",
             HTTPS_WITHOUT_LAST_SLASH, default="https://app.terraform.io"),
        Part("organization", "Organization", "Its name.", r"[\w-]+"),
        Part("organization_id", "ID of the organization", "Such as org-GRNbCjYNpBB6NEH9.", r"org-\w+"),
        Part("project", "Project", "Its name, such as Default Project.", NAME_WITHOUT_COLON),
        Part("workspace", "Workspace", "Its name.", r"[\w-]+"),
        Part("workspace_id", "ID of the workspace", "Such as ws-mbsd5E3Ktt5Rg2Xm.", r"ws-\w+"),
        Part("phase", "Phase of the run", "plan or apply. For both, add a credential for each.", "plan|apply",
             default="apply"),
    ),
    subject="organization:{organization}:project:{project}:workspace:{workspace}:run_phase:{phase}",
    pins=(
        Pin("terraform_organization_id", "{organization_id}", "The organization: all share one issuer."),
        Pin("terraform_workspace_id", "{workspace_id}", "The workspace, whatever it is called."),
    ),
    max_assertion_lifetime=DAY,
)  # fmt: skip
