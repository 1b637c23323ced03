"""Who we are: the issuers, and the values that their templates share."""

from issuers.auth_methods import (
    ASSERTION_METHODS,
    CERTIFICATE_METHODS,
    SECRET_METHODS,
    TokenEndpointAuthMethod,
    default_methods,
)
from issuers.models.global_variable import GlobalVariable
from issuers.models.issuer import CLOCK_SKEW, RESERVED_PATHS, Issuer, SigningAlg, days
from issuers.versioning.revision import ConfigurationRevision, TopicRevision

__all__ = [
    "ASSERTION_METHODS",
    "CERTIFICATE_METHODS",
    "CLOCK_SKEW",
    "RESERVED_PATHS",
    "SECRET_METHODS",
    "ConfigurationRevision",
    "GlobalVariable",
    "Issuer",
    "SigningAlg",
    "TokenEndpointAuthMethod",
    "TopicRevision",
    "days",
    "default_methods",
]
