"""Standard output: one line of JSON per event, behind a bounded queue."""
