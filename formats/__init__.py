"""Strict readers of what comes from outside: JSON, keys, certificates, names. No models, and nothing is asked."""
