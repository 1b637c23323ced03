"""What the record says of a request, and how a flood of refusals is counted."""
