"""What the first page says: what needs an act now, what ends soon, and what could be tidier."""
