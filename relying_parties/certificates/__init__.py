"""Client certificates: whose they are, and whether an authority vouches for them (RFC 8705)."""
