"""How people sign in to the console, as the environment says."""

from dataclasses import dataclass
from datetime import timedelta

from django.core.exceptions import ImproperlyConfigured

from console.sign_in.company.registration import SUPERUSER, CompanySignIn
from m2m_idp.env_values import Variables, listed, one_of, switch_of, text_of, whole_number_of
from runtime.outbound.remote_url import issuer_problem

SCOPES = "openid profile email"


@dataclass(frozen=True, slots=True)
class SignIn:
    idle: timedelta
    """After which a session without a request ends."""
    longest: timedelta
    """After which a session ends, however busy it is."""
    requires_second_factor: bool
    """Of users who sign in with a password."""
    takes_passwords: bool
    company: CompanySignIn | None


def sign_in(env: Variables) -> SignIn:
    """Raises ImproperlyConfigured, naming the variable."""
    idle = whole_number_of(env, "SESSION_IDLE_MINUTES", default=30, smallest=2, largest=1440)
    hours = whole_number_of(env, "SESSION_MAX_HOURS", default=8, smallest=1, largest=168)
    company = _company(env)
    takes_passwords = one_of(env, "LOCAL_PASSWORDS", ("true", "false")) == "true"
    if company is None and not takes_passwords:
        raise ImproperlyConfigured(
            "LOCAL_PASSWORDS is false and there is no OIDC_SIGN_IN_ISSUER: nobody could sign in. Set one of them."
        )
    return SignIn(
        idle=timedelta(minutes=idle),
        longest=timedelta(hours=hours),
        requires_second_factor=switch_of(env, "REQUIRE_SECOND_FACTOR"),
        takes_passwords=takes_passwords,
        company=company,
    )


def _company(env: Variables) -> CompanySignIn | None:
    issuer = text_of(env, "OIDC_SIGN_IN_ISSUER", default="")
    if not issuer:
        return None
    if problem := issuer_problem(issuer):
        raise ImproperlyConfigured(f"OIDC_SIGN_IN_ISSUER cannot be used. {problem}")
    return CompanySignIn(
        issuer=issuer,
        client_id=_needed(env, "OIDC_SIGN_IN_CLIENT_ID"),
        client_secret=_needed(env, "OIDC_SIGN_IN_CLIENT_SECRET"),
        scopes=_scopes(env),
        username_claim=text_of(env, "OIDC_SIGN_IN_USERNAME_CLAIM", default="preferred_username"),
        groups_claim=text_of(env, "OIDC_SIGN_IN_GROUPS_CLAIM", default="groups"),
        roles=_roles(env),
    )


def _needed(env: Variables, name: str) -> str:
    value = text_of(env, name, default="").strip()
    if not value:
        raise ImproperlyConfigured(f"{name} (or {name}_FILE) is missing, which OIDC_SIGN_IN_ISSUER needs.")
    return value


def _scopes(env: Variables) -> str:
    scopes = text_of(env, "OIDC_SIGN_IN_SCOPES", default=SCOPES).split()
    if "openid" not in scopes:
        raise ImproperlyConfigured(f"OIDC_SIGN_IN_SCOPES must hold openid, such as {SCOPES!r}.")
    return " ".join(scopes)


def _roles(env: Variables) -> dict[str, str]:
    name = "OIDC_SIGN_IN_ROLES"
    roles: dict[str, str] = {}
    for entry in listed(env, name):
        group, separator, role = (part.strip() for part in entry.rpartition("="))
        if not (group and separator and role):
            raise ImproperlyConfigured(
                f"{name} is a comma-separated list of GROUP=ROLE, such as idp-operators=Operators. It has {entry!r}."
            )
        if group in roles:
            raise ImproperlyConfigured(f"{name}: the group {group!r} stands twice.")
        roles[group] = role
    if not roles:
        raise ImproperlyConfigured(
            f"{name} is missing, which OIDC_SIGN_IN_ISSUER needs: GROUP=Operators,GROUP=Auditors,GROUP={SUPERUSER}."
        )
    return roles
