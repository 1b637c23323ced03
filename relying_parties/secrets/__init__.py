"""Client secrets: the acts on them, and the peppers of their digests."""
