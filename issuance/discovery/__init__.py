"""The public documents: discovery and JWKS."""
