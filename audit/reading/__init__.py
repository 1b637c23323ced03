"""The record in pages: filters, and walks of its indexes."""
