"""Rows of the record on their way into the database, and whether they can be written."""
