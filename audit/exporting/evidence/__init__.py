"""Evidence: rows of the record with all that proves them, in one archive that is verified offline."""
