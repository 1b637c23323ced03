"""PEM (RFC 7468) where only what is public belongs."""


def holds_private_key(text: str) -> bool:
    """Whether a private key of any kind is in it, be it encrypted, or cut off."""
    return "PRIVATE KEY" in text
