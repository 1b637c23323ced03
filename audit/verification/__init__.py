"""Whether the record is what was sealed: of all rows, or of one."""
