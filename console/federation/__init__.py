"""The pages of trusted issuers and federated credentials."""
