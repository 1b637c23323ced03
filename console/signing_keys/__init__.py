"""The pages of signing keys: timeline, acts, certificates, creation."""
