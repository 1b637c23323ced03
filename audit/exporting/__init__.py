"""Exports of the record: CSV for spreadsheets, JSON lines for proofs."""
