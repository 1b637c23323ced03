"""Previews of future tokens, and details of issued ones."""
