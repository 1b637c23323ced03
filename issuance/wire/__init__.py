"""The bytes of requests and answers: parsing, refusals, headers."""
