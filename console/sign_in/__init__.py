"""Signing in to the console: bounded against guessing, and recorded."""
