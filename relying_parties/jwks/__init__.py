"""The public keys of others: registered here, or fetched from where they are published."""
