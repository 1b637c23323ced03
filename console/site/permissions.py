"""The permissions that whole groups of pages ask for."""

SEES_RECORD = "audit.view_issuanceevent"
"""The permission that the pages of the record require."""
SEES_CONFIGURATION = (
    "issuers.view_issuer",
    "relying_parties.view_relyingparty",
    "relying_parties.view_accessgrant",
    "relying_parties.view_resourceserver",
    "relying_parties.view_claimtemplate",
    "relying_parties.view_clientsecret",
    "relying_parties.view_federatedcredential",
    "relying_parties.view_requestrule",
)
"""For pages that show a client's history."""
SEES_PROOFS = ("audit.view_checkpoint", "audit.view_inspection")
"""For pages that say whether the record is intact."""
