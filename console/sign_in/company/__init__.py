"""Signing in at the company's OpenID provider: authorization code flow with PKCE, roles by groups."""
