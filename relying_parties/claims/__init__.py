"""What tokens say: the language of claim templates, and the header typ."""
