"""Choosing search settings, and tuning a reranker, on a gold set."""
