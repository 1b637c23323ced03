"""Keys that were made elsewhere: what a file is, how it is opened, and how it is taken in."""
