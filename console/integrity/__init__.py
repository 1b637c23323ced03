"""Whether the record is as it was sealed, and findings that are known."""
