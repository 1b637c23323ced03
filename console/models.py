"""The tables of the console's own."""

from console.sign_in.models import CompanyIdentity, ConsoleSession, RecoveryCode, SecondFactor

__all__ = ["CompanyIdentity", "ConsoleSession", "RecoveryCode", "SecondFactor"]
