"""What the database itself enforces: append-only triggers, and migrations that take nothing away."""
