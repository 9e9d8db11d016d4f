"""Asking a service of `quincunx serve` from another process: the same answers, errors and events as in process."""
