"""What is granted, to what it is bound, what the token says and which key signs it."""
