"""An index in its folder: a SQLite database, and the files of its vectors beside it."""
