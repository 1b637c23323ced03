"""Keys that stay in a PKCS#11 token: they sign, and their private halves never leave it."""
