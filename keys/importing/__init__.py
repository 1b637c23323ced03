"""Keys that were made elsewhere: what a file is, how it is opened, and how the key is imported."""
