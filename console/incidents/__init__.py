"""Incidents: what to do when a credential or a token has leaked."""
