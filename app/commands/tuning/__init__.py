"""Choosing settings, and tuning models, on a gold set."""
