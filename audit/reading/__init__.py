"""The record in pages: filters, and walks through its indexes."""
