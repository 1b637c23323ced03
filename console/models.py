"""The tables of the console's own."""

from console.sign_in.models import ConsoleSession, RecoveryCode, SecondFactor

__all__ = ["ConsoleSession", "RecoveryCode", "SecondFactor"]
