"""What would be issued, and what stands in the way: asked without a request."""
