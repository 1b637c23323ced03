"""The record taken away: as CSV for spreadsheets, as JSON lines for proofs."""
