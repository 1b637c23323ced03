"""Charts as plain values that a template draws."""
