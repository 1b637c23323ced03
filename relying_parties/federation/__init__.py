"""Federated credentials: which issuers' tokens prove a relying party, and what is known of each platform."""
