"""Who may ask, and for what."""

from relying_parties.models.claim_template import ClaimTemplate
from relying_parties.models.credentials import ClientSecret, CredentialUse, PepperCheck
from relying_parties.models.federation import FederatedCredential, KeysFrom, TrustedIssuer
from relying_parties.models.relying_party import RelyingParty, networks_problem
from relying_parties.models.request_rule import RequestRule
from relying_parties.models.resource_server import SCOPE_TOKEN, AccessGrant, ResourceServer, scopes_problem

__all__ = [
    "SCOPE_TOKEN",
    "AccessGrant",
    "ClaimTemplate",
    "ClientSecret",
    "CredentialUse",
    "FederatedCredential",
    "KeysFrom",
    "PepperCheck",
    "RelyingParty",
    "RequestRule",
    "ResourceServer",
    "TrustedIssuer",
    "networks_problem",
    "scopes_problem",
]
