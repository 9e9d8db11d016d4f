"""Tables and records: a document for each row."""
