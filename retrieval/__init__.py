"""Text → passages → vectors → 20 candidates → 5 passages. Knows nothing of programs."""
