"""An index in a Postgres database, for searches and one writer on any machine that reaches it."""
