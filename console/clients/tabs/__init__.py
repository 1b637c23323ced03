"""The pages of one client: each tab has an address, a form and a version of its own."""
