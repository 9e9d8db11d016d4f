"""Statistics for small gold sets: pure functions over numbers."""
