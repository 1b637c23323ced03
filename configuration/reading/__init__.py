"""From the bytes of a file to entries: known keys, right types, each with its position. No database."""
