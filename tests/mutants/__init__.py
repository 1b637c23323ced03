"""Changes the code in every small way, and sees which of them no test notices (docs/mutants.md)."""
