"""The acts on a key from creation to wiping, and when each is due."""
