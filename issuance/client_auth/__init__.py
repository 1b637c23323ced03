"""Who asks: one file a mechanism, and what all share."""
