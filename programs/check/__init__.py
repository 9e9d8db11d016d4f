"""Holding an answer to its evidence."""
