"""How a process of the server behaves: threads, limits, logs, calls to others. No models."""
