"""Whether the record is what was sealed: for all rows, or for one."""
