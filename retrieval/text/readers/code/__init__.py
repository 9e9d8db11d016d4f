"""Source code and notebooks, by definition and by cell."""
