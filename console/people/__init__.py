"""The pages of users and groups."""
