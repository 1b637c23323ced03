"""The lines of the first page: what needs an act now, what will expire, and what could be tidier."""
