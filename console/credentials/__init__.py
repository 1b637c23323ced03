"""The page of one credential: what it is, and how it was used."""
