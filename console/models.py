"""The tables of the console's own."""

from console.sign_in.models import ConsoleSession

__all__ = ["ConsoleSession"]
