"""What the database enforces: append-only triggers, and migrations that delete no rows of the record."""
