"""Requests that the server sends: to which addresses, within which bounds."""
