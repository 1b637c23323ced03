"""Notices to the owners of clients: what they say, how they leave, and that each leaves once."""
