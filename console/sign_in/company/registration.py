"""How this server is registered at the company's OpenID provider, and what the groups of that one mean here."""

from dataclasses import dataclass, field

SUPERUSER = "superuser"
"""In the place of a role: whoever is in the group manages users too."""


@dataclass(frozen=True, slots=True)
class CompanySignIn:
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: str
    username_claim: str
    groups_claim: str
    roles: dict[str, str]
    """By the provider's group: a role, which is a group here, or SUPERUSER."""
