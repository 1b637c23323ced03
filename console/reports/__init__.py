"""Reports: who could and who did, and how much was asked for."""
