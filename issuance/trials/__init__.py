"""What a client would get: a token issued as a test, a dry run, and a token verified as an API would."""
