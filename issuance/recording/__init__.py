"""How a request is told in the record, and how a flood of refusals is counted."""
