"""Gold sets: reading, checking, importing and drafting them."""
