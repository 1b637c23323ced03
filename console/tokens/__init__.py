"""Previews of tokens to come, and a look at tokens that were issued."""
