"""Keys that stay in a PKCS#11 token: they sign, and give nothing out."""
