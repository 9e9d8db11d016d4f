"""Answers, runs and lists as a person reads them on a terminal."""
