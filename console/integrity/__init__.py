"""Whether the record is as it was sealed, and acknowledged findings."""
