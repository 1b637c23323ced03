"""From entries to stored rows: all of them or none."""
