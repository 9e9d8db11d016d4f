"""Quincunx inside other libraries: one file per library, each needing the extra of its name.

Importing this package costs nothing. Importing one of its files without that library raises
`MissingExtraError`, which says what to install.
"""
