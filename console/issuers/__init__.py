"""The pages of issuers and their global variables."""
