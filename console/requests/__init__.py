"""The record of token requests: list, filters, and the page of one request."""
