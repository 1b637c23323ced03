"""One box that finds anything: by a name, an ID, an address, a pasted token or a pasted secret."""
