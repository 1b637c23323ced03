"""PEM (RFC 7468) where only public values are allowed."""


def holds_private_key(text: str) -> bool:
    """Whether the text has a private key of any kind, also an encrypted or truncated one."""
    return "PRIVATE KEY" in text
