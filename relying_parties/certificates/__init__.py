"""Client certificates: whether one is the registered one, and whether an authority issued it (RFC 8705)."""
