"""Form fields, and values in words."""
