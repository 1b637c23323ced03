"""Whether this process lives, and whether it can issue: with reasons, to those who may know them."""
