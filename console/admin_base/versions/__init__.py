"""Forms that name the version they were made from, so that no change undoes another."""
