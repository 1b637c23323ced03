"""The pages of resource servers."""
