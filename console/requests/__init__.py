"""The record of token requests: list, filters, and one request told."""
