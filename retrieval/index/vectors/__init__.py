"""The vectors of an index as a search loads them."""
