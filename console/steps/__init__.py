"""The steps of a token request: which it passed, which refused it, and the act that mends it."""
